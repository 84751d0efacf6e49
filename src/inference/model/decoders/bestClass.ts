/** Index of the largest of `count` values that begin at `start` and lie `step` apart. */
export function bestClass(values: Float32Array, start: number, count: number, step: number): number {
  let best = 0;
  let bestValue = -Infinity;
  for (let index = 0, at = start; index < count; index++, at += step) {
    const value = values[at] ?? 0;
    if (value > bestValue) {
      bestValue = value;
      best = index;
    }
  }
  return best;
}
