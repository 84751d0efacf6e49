import { seededRandom, type Random } from './random.js';

/** Makes 8-bit pixels brighter or darker, and noisy: `deviation` is that of normal noise in levels. In place. */
export function addNoise(
  pixels: Uint8Array,
  random: Random,
  { brightness, deviation }: { brightness: number; deviation: number },
): void {
  for (let at = 0; at < pixels.length; at += 2) {
    const bits = random.bits();
    pixels[at] = level((pixels[at] ?? 0) * brightness + (NORMAL[bits & MASK] ?? 0) * deviation);
    if (at + 1 < pixels.length)
      pixels[at + 1] = level((pixels[at + 1] ?? 0) * brightness + (NORMAL[(bits >>> 16) & MASK] ?? 0) * deviation);
  }
}

function level(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Normal deviates to draw from, made once (Box-Muller), because a million a picture would be slow. */
const NORMAL = normalTable(4096);
const MASK = NORMAL.length - 1;

function normalTable(length: number): Float64Array {
  const random = seededRandom('normal');
  return Float64Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.between(0, 1)));
    return radius * Math.cos(2 * Math.PI * random.between(0, 1));
  });
}
