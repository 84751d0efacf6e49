import { isUtf8 } from 'node:buffer';
import type { Reading } from '../admission/index.js';

/** One event of a request: what it says, its id at the sender, and what a dead letter would keep of it. */
export interface IncomingEvent {
  reading: Reading;
  sourceId?: string;
  payload: Buffer;
  /** Of the request, or of one that would have brought this event alone. */
  headers: EventRequest['headers'];
  /** Form and type, for the origin of a dead letter. */
  form: string;
}

/** The part of an HTTP request that the readers look at. */
export interface EventRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

/** Headers that a reader looks at, and thus all that says what a body is. None of them is a credential. */
const TELLING = [
  ...['content-type', 'ce-specversion', 'ce-type', 'ce-source', 'ce-id', 'x-goog-pubsub-message-id'],
  ...['eventtype', 'bucketid', 'objectid', 'objectgeneration', 'eventtime', 'payloadformat'],
];

/** Headers without which a body could not be read again. */
export function tellingHeaders(headers: EventRequest['headers']): Record<string, string> {
  const told = TELLING.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return Object.fromEntries(told) as Record<string, string>;
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
