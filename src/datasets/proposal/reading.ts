import type { z } from 'zod';
import type { cleaningSchema } from '../manifest/columns.js';

export type CleaningStep = z.input<typeof cleaningSchema>;

/** A way to read all texts of a column. */
export interface Reading {
  /** What its values are. */
  are: string;
  /** Shape of a whole value, in the syntax that RE2 and JavaScript share. */
  pattern: string;
  ignoresCase?: boolean;
  /** SQL over `v`, a text of that shape: it really is one. Default: it is. */
  valid?: string;
  /** SQL aggregates over `v`: what the type depends on. */
  figures: Readonly<Record<string, string>>;
  /** Undefined: they are none after all, or no type holds them. */
  propose(figures: Figures, name: string): Typed | undefined;
  /** Of numbers that may have a fraction: what stands before it. */
  point?: '.' | ',';
  /** Of times: the pattern of strptime. */
  format?: string;
  /** What it takes no other reading has to be tried on. */
  isFinal?: true;
}

/** Results of the aggregates, as texts. */
export type Figures = Readonly<Record<string, string | null>>;

export type Kind =
  'integer' | 'decimal' | 'float' | 'date' | 'time' | 'bool' | 'uuid' | 'ip' | 'text' | 'list' | 'json';

/** What a column is, by how its values read. */
export interface Typed {
  type: string;
  kind: Kind;
  clean: CleaningStep[];
  /** Sentences for the person who reads the manifest. */
  notes: string[];
  /** A value as it is written, where that is not plain. */
  example?: string;
  /** Of texts that nearly all are something else: one that is not. */
  exception?: string;
  /** Least and greatest value. */
  range?: readonly [least: string, greatest: string];
  isNegative?: boolean;
}

/** The whole text is of that shape. */
export function shapeOf({ pattern, ignoresCase = false }: Reading): RegExp {
  return new RegExp(`^(?:${pattern})$`, ignoresCase ? 'i' : '');
}

/** Undefined where there is none. */
export function textIn(figures: Figures, name: string): string | undefined {
  return figures[name] ?? undefined;
}

/** 0 where there is none. */
export function countIn(figures: Figures, name: string): number {
  return Number(figures[name] ?? 0);
}

/** A number with its thousands told apart. */
export function figure(count: number | bigint): string {
  return count.toLocaleString('en-US');
}
