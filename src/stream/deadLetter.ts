import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { DEAD_LETTER_PAYLOAD_BYTES, type DeadLetter, type DeadLetterReason } from '../domain/index.js';
import type { StreamRecord } from './types.js';

/** Most headers that a dead letter keeps, and most characters of a key, of a header's name and of its value. */
const MOST = { headers: 32, key: 4_096, name: 128, value: 2_048 } as const;
/** Headers that may carry credentials: of those nothing is kept. */
const SECRET = /auth|cookie|token|secret|passw|signature|api-?key/i;

/** A record of Kafka that can't be taken further. */
export interface RefusedRecord extends Pick<StreamRecord, 'value' | 'timestampMs' | 'headers'> {
  /** topic/partition/offset */
  origin: string;
  key?: string | null;
}

/**
 * The dead letter of a record. Everything in it comes from the record, so a record that is read twice gives the same
 * letter, and is one in the table. The id covers the value too: a topic that was made again repeats its offsets.
 */
export function recordDeadLetter(
  { origin, value, timestampMs, key, headers }: RefusedRecord,
  { source, reason, detail }: Pick<DeadLetter, 'source' | 'reason' | 'detail'>,
): DeadLetter {
  const id = createHash('sha256').update(origin).update('\n').update(value).digest('hex').slice(0, 32);
  const receivedAtMs = Math.max(0, Math.trunc(timestampMs));
  return deadLetter({ id, source, reason, detail, origin, payload: value, receivedAtMs, key, headers });
}

/** Builds a dead letter: the payload as it came, cut at DEAD_LETTER_PAYLOAD_BYTES. */
export function deadLetter(options: {
  id: string;
  source: DeadLetter['source'];
  reason: DeadLetterReason;
  detail: string;
  origin: string;
  payload: Buffer;
  receivedAtMs: number;
  key?: string | null | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}): DeadLetter {
  const { payload, detail, origin, key, headers = {}, ...rest } = options;
  const kept = keptHeaders(headers);
  const isText = isUtf8(payload);
  const front = payload.subarray(0, isText ? textEnd(payload) : DEAD_LETTER_PAYLOAD_BYTES);
  const payloadEncoding = isText ? 'utf8' : 'base64';
  return {
    v: 1,
    ...rest,
    detail: detail.slice(0, 2000),
    origin: origin.slice(0, 512),
    payload: front.toString(payloadEncoding),
    payloadEncoding,
    payloadTruncated: front.length < payload.length,
    ...(typeof key === 'string' && key.length <= MOST.key ? { key } : {}),
    ...(Object.keys(kept).length === 0 ? {} : { headers: kept }),
  };
}

/** Those that fit and hold no credentials. */
function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name, value]) => name.length <= MOST.name && value.length <= MOST.value && !SECRET.test(name),
  );
  return Object.fromEntries(kept.slice(0, MOST.headers));
}

/** End of the text that fits, not inside a character. */
function textEnd(payload: Buffer): number {
  let end = DEAD_LETTER_PAYLOAD_BYTES;
  if (payload.length <= end) return payload.length;
  while (end > 0 && ((payload[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}
