import { isUtf8 } from 'node:buffer';
import type { RejectedRecord } from './piece.js';

/** What is wrong with a record. */
export type Fault = Pick<RejectedRecord, 'reason' | 'detail'>;

export const NOT_UTF8 = 'is not UTF-8';

/** Of bytes that are not UTF-8, or have a NUL. */
export function faultOfBytes(bytes: Buffer): Fault {
  return isUtf8(bytes)
    ? { reason: 'CONTROL_CHARACTERS', detail: 'has a NUL byte' }
    : { reason: 'NOT_UTF8', detail: NOT_UTF8 };
}
