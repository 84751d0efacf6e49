import { isUtf8 } from 'node:buffer';
import type { Reading } from '../admission/index.js';

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

/** More than one request may hold: refused as a body that is too large is, and nothing of it is acknowledged. */
export class TooManyEventsError extends Error {
  override name = 'TooManyEventsError';
  readonly statusCode = 413;
}
