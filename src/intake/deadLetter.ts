import { isUtf8 } from 'node:buffer';
import { DEAD_LETTER_PAYLOAD_BYTES, type DeadLetter, type DeadLetterReason } from '../domain/index.js';

/** Builds the dead letter of a refused event: the payload as it came, cut at DEAD_LETTER_PAYLOAD_BYTES. */
export function deadLetter(options: {
  id: string;
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
    source: 'intake',
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
