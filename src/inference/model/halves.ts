/** Half floats (IEEE 754 binary16) as their bits: Node 20 has no Float16Array. */

let known: Float32Array | undefined;

/** The number of each of the 65,536 halves, made at the first use: 256 KB. */
function table(): Float32Array {
  return (known ??= Float32Array.from({ length: 0x10000 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }));
}

export function fromHalves(halves: Uint16Array): Float32Array {
  const numbers = table();
  const floats = new Float32Array(halves.length);
  for (let at = 0; at < halves.length; at++) floats[at] = numbers[halves[at] ?? 0] ?? NaN;
  return floats;
}

/** Rounds to the nearest half, a tie to the even one. */
export function toHalves(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let at = 0; at < bits.length; at++) halves[at] = halfOf(bits[at] ?? 0);
  return halves;
}

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Infinity and NaN; above the largest half; below half of the smallest.
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x33000000) return sign;
  // Of halves below 2^-14 the leading 1 is written, and the exponent is what it is shifted by.
  const isSmall = magnitude < 0x38800000;
  const shift = isSmall ? 126 - (magnitude >>> 23) : 13;
  const significand = isSmall ? (magnitude & 0x7fffff) | 0x800000 : magnitude - 0x38000000;
  const half = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (rest > tie || (rest === tie && (half & 1) === 1) ? half + 1 : half);
}
