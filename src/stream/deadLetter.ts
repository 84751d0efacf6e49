import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { DEAD_LETTER_PAYLOAD_BYTES, type DeadLetter, type DeadLetterReason } from '../domain/index.js';

/** A record of Kafka that can't be taken further. */
export interface RefusedRecord {
  /** topic/partition/offset */
  origin: string;
  value: Buffer;
  timestampMs: number;
}

/**
 * The dead letter of a record. Everything in it comes from the record, so a record that is read twice gives the same
 * letter, and is one in the table. The id covers the value too: a topic that was made again repeats its offsets.
 */
export function recordDeadLetter(
  { origin, value, timestampMs }: RefusedRecord,
  { source, reason, detail }: Pick<DeadLetter, 'source' | 'reason' | 'detail'>,
): DeadLetter {
  const id = createHash('sha256').update(origin).update('\n').update(value).digest('hex').slice(0, 32);
  const receivedAtMs = Math.max(0, Math.trunc(timestampMs));
  return deadLetter({ id, source, reason, detail, origin, payload: value, receivedAtMs });
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
}): DeadLetter {
  const { payload, detail, origin, ...rest } = options;
  const isText = isUtf8(payload);
  const kept = payload.subarray(0, isText ? textEnd(payload) : DEAD_LETTER_PAYLOAD_BYTES);
  const payloadEncoding = isText ? 'utf8' : 'base64';
  return {
    v: 1,
    ...rest,
    detail: detail.slice(0, 2000),
    origin: origin.slice(0, 512),
    payload: kept.toString(payloadEncoding),
    payloadEncoding,
    payloadTruncated: kept.length < payload.length,
  };
}

/** End of the text that fits, not inside a character. */
function textEnd(payload: Buffer): number {
  let end = DEAD_LETTER_PAYLOAD_BYTES;
  if (payload.length <= end) return payload.length;
  while (end > 0 && ((payload[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}
