import { createHash } from 'node:crypto';
import { DEAD_LETTER_PAYLOAD_BYTES, type DeadLetter, type DeadLetterReason } from '../domain/index.js';
import type { RecordSource } from './block.js';

/**
 * The dead letter of a record. Everything in it comes from the record, so a record that is read twice gives the same
 * letter, and is one in the table. The id covers the value too: a topic that was made again repeats its offsets.
 */
export function deadLetterOf(source: RecordSource, reason: DeadLetterReason, detail: string): DeadLetter {
  const payload = source.value.subarray(0, DEAD_LETTER_PAYLOAD_BYTES);
  return {
    v: 1,
    id: createHash('sha256').update(source.origin).update('\n').update(source.value).digest('hex').slice(0, 32),
    source: 'sink',
    reason,
    detail: detail.slice(0, 2000),
    origin: source.origin,
    ...encoded(payload),
    payloadTruncated: payload.length < source.value.length,
    receivedAtMs: Math.max(0, source.timestampMs),
  };
}

/** As text where it is text, so that a person can read it in the table. */
function encoded(payload: Buffer): Pick<DeadLetter, 'payload' | 'payloadEncoding'> {
  try {
    return { payload: new TextDecoder('utf-8', { fatal: true }).decode(payload), payloadEncoding: 'utf8' };
  } catch {
    return { payload: payload.toString('base64'), payloadEncoding: 'base64' };
  }
}
