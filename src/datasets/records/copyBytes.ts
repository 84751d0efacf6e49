/** Below it a loop is faster than a call that copies. */
const SHORT_BYTES = 128;

/** Copies bytes from one buffer into another, and gives the index behind them there. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > SHORT_BYTES) to.set(from.subarray(start, end), at);
  else for (let index = start; index < end; index += 1) to[at + index - start] = from[index] ?? 0;
  return at + end - start;
}
