/** Below it a loop is faster than a call that copies. */
const SHORT_BYTES = 32;

/** Copies bytes from one buffer into another, and gives the index behind them there. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  const length = end - start;
  if (length > SHORT_BYTES) to.set(new Uint8Array(from.buffer, from.byteOffset + start, length), at);
  else for (let index = 0; index < length; index += 1) to[at + index] = from[start + index] ?? 0;
  return at + length;
}
