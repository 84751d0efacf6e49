import { isUtf8 } from 'node:buffer';
import type { ZodError } from 'zod';
import type { DeadLetterReason, ImageRef } from '../domain/index.js';

/** One finalized object, as an event described it. */
export interface FinalizedObject extends ImageRef {
  /** When the object was created, milliseconds since the epoch. */
  uploadedAtMs: number;
  contentType?: string;
  sizeBytes?: number;
  /** Custom metadata of the object; routing looks at it. */
  metadata: Readonly<Record<string, unknown>>;
}

/** What one event says, before anything is decided about it. */
export type Reading =
  | { kind: 'object'; object: FinalizedObject }
  | { kind: 'ignored'; outcome: 'ignored_type' | 'ignored_not_image' }
  | { kind: 'refused'; reason: DeadLetterReason; detail: string };

/** One event of a request: what it says, its id at the sender, and what a dead letter would keep of it. */
export interface IncomingEvent {
  reading: Reading;
  sourceId?: string;
  payload: Buffer;
  /** Form and type, for the origin of a dead letter. */
  form: string;
}

/** The part of an HTTP request that the readers look at. */
export interface EventRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export function refused(reason: DeadLetterReason, detail: string): Reading {
  return { kind: 'refused', reason, detail };
}

/** Names the fields that do not fit, without their values. */
export function invalid(error: ZodError, where = ''): Reading {
  const problems = error.issues.slice(0, 8).map((issue) => {
    const path = [...(where === '' ? [] : [where]), ...issue.path.map(String)].join('.');
    return `${path === '' ? 'event' : path}: ${issue.message}`;
  });
  return refused('INVALID_EVENT', problems.join('; '));
}

/** Parses JSON in UTF-8. Bytes that are no UTF-8 are refused: replacing them would change the name of an object. */
export function parseJson(bytes: Buffer): { ok: true; value: unknown } | { ok: false; detail: string } {
  if (!isUtf8(bytes)) return { ok: false, detail: 'not UTF-8' };
  const text = bytes.toString('utf8');
  if (text.trim() === '') return { ok: false, detail: 'empty' };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The parser's own message quotes the text.
    return { ok: false, detail: 'no JSON' };
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** More than one request may hold: refused as a body that is too large is, and nothing of it is acknowledged. */
export class TooManyEventsError extends Error {
  override name = 'TooManyEventsError';
  readonly statusCode = 413;
}
