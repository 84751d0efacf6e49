import type { Reason } from '../written/index.js';

/** A value as JSON.parse reads it from ClickHouse with JSON_FORM. */
export type Landed = string | number | boolean | null | readonly Landed[];
export type LandedRow = Readonly<Record<string, Landed>>;

/**
 * Settings of ClickHouse with which `FORMAT JSONEachRow` has the very values of the oracle: whole numbers of 64 bits and
 * decimals are texts, times are UTC with the digits of their type.
 */
export const JSON_FORM = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  output_format_decimal_trailing_zeros: 1,
  date_time_output_format: 'iso',
} as const;

/** What becomes of a record before other rows are looked at. */
export type Fate = { row: LandedRow } | { reason: Reason; subject: string };

/** What else a run sees. */
export interface World {
  /** Rows of the tables of other datasets. */
  tables: Readonly<Record<string, readonly LandedRow[]>>;
  /** Rows of penstock.images, one per picture. */
  images: readonly LandedRow[];
  /** Rows of penstock.detections, at most one per picture: which of several is the first is not for the oracle to say. */
  detections: readonly LandedRow[];
  /** The keyed hash that lands in place of personal data. */
  hash: (text: string) => string;
}

/** A row can't land. Thrown by what lands a column, so that the first of them decides; caught by fateOf. */
class SetAside extends Error {
  constructor(
    readonly reason: Reason,
    readonly subject: string,
  ) {
    super(`${reason} ${subject}`);
  }
}

/** Sets a row aside. */
export function setAside(reason: Reason, subject: string): never {
  throw new SetAside(reason, subject);
}

/** The row that `land` makes, or why it made none. */
export function fateOf(land: () => LandedRow): Fate {
  try {
    return { row: land() };
  } catch (error) {
    if (error instanceof SetAside) return { reason: error.reason, subject: error.subject };
    throw error;
  }
}

/** The value of a column that has to have one. */
export function required<T>(column: string, text: string | null, read: (text: string) => T | undefined): T {
  return optional(column, text, read) ?? setAside('MISSING_VALUE', column);
}

/** The value of a column that may be nothing. */
export function optional<T>(column: string, text: string | null, read: (text: string) => T | undefined): T | null {
  return text === null ? null : (read(text) ?? setAside('BAD_VALUE', column));
}

/** Sets a row aside that a check does not hold for. */
export function check(name: string, isTrue: boolean): void {
  if (!isTrue) setAside('CHECK', name);
}

export const asText = (text: string): string => text;
