import { createHash } from 'node:crypto';

/** Random numbers that are the same for the same seed, on every machine. */
export interface Random {
  /** 32 random bits. */
  bits(): number;
  /** min <= number < max */
  between(min: number, max: number): number;
  /** min <= whole number < max */
  integer(min: number, max: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
}

/**
 * sfc32, the small fast counting generator of Chris Doty-Humphrey's PractRand (public domain), seeded with the SHA-256 of
 * the seed's text.
 */
export function seededRandom(seed: number | string): Random {
  const digest = createHash('sha256').update(String(seed)).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = digest.readInt32LE(12);
  const bits = () => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  const between = (min: number, max: number) => min + (bits() / 2 ** 32) * (max - min);
  const integer = (min: number, max: number) => Math.floor(between(min, max));
  return { bits, between, integer, pick: (values) => values[integer(0, values.length)] ?? values[0] };
}
