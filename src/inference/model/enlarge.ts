interface Size {
  width: number;
  height: number;
}

/**
 * Makes 8-bit RGB larger, bilinear between the centres of pixels as OpenCV's INTER_LINEAR, with which models are
 * trained. libvips puts what it enlarges half an output pixel too far to the right and down. No side may become smaller.
 */
export function enlarge(rgb: Uint8Array, from: Size, to: Size): Uint8Array {
  if (from.width === to.width && from.height === to.height) return rgb;
  const columns = taps(from.width, to.width);
  const rows = taps(from.height, to.height);
  const result = new Uint8Array(to.width * to.height * 3);
  let at = 0;
  for (let y = 0; y < to.height; y++) {
    const upper = (rows.first[y] ?? 0) * from.width;
    const lower = (rows.second[y] ?? 0) * from.width;
    const down = rows.weight[y] ?? 0;
    for (let x = 0; x < to.width; x++) {
      const left = columns.first[x] ?? 0;
      const right = columns.second[x] ?? 0;
      const across = columns.weight[x] ?? 0;
      for (let channel = 0; channel < 3; channel++, at++) {
        const value = (row: number): number => {
          const one = rgb[(row + left) * 3 + channel] ?? 0;
          return one + ((rgb[(row + right) * 3 + channel] ?? 0) - one) * across;
        };
        const above = value(upper);
        result[at] = Math.round(above + (value(lower) - above) * down);
      }
    }
  }
  return result;
}

/** For each place of a longer line the two of a shorter one that it lies between, and the weight of the second. */
function taps(from: number, to: number): { first: Uint32Array; second: Uint32Array; weight: Float64Array } {
  const place = (at: number): number => Math.min(from - 1, Math.max(0, ((at + 0.5) * from) / to - 0.5));
  const indexes = Array.from({ length: to }, (_, at) => place(at));
  return {
    first: Uint32Array.from(indexes, Math.floor),
    second: Uint32Array.from(indexes, (at) => Math.min(from - 1, Math.floor(at) + 1)),
    weight: Float64Array.from(indexes, (at) => at - Math.floor(at)),
  };
}
