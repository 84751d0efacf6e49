import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/scenes/random.js';
import { divide, divideWhole, type Claim } from '../../../../src/workflows/capacity/divide.js';

function randomFrom(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.between(0, 1);
}

const sum = (parts: readonly number[]): number => parts.reduce((total, part) => total + part, 0);

function claimsOf(random: () => number): Claim[] {
  return Array.from({ length: 1 + Math.floor(random() * 8) }, () => ({
    weight: 0.1 + random() * 5,
    most: random() < 0.2 ? Infinity : Math.floor(random() * 40),
  }));
}

describe('a division by weight', () => {
  it('gives in proportion to the weights where all can use it', () => {
    const all = [3, 1].map((weight) => ({ weight, most: Infinity }));
    expect([divide(40, all), divideWhole(40, all)]).toEqual([
      [30, 10],
      [30, 10],
    ]);
  });

  it('gives what one can not use to the others, by their weights', () => {
    const claims = [
      { weight: 5, most: 2 },
      { weight: 3, most: Infinity },
      { weight: 1, most: Infinity },
    ];
    expect(divide(42, claims)).toEqual([2, 30, 10]);
  });

  it.each(Array.from({ length: 200 }, (_, seed) => seed))(
    'adds up, gives nobody more than it can use, and nobody less than another of its weight (seed %i)',
    (seed) => {
      const random = randomFrom(seed);
      const claims = claimsOf(random);
      const total = Math.floor(random() * 100);
      const most = Math.min(total, sum(claims.map((claim) => claim.most)));
      for (const [parts, unit] of [
        [divide(total, claims), 1e-6],
        [divideWhole(total, claims), 1],
      ] as const) {
        expect(sum(parts)).toBeCloseTo(most, 6);
        for (const [index, { weight, most: own }] of claims.entries()) {
          const part = parts[index] ?? 0;
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual(own + 1e-9);
          // Who has less than it can use is at the level of the highest, but for the rounding.
          if (part > own - unit) continue;
          for (const [at, other] of claims.entries())
            expect((part + unit) / weight).toBeGreaterThanOrEqual(((parts[at] ?? 0) - unit) / other.weight - 1e-6);
        }
      }
    },
  );

  it('in whole numbers is within one of the exact parts', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const random = randomFrom(seed);
      const claims = claimsOf(random);
      const total = Math.floor(random() * 100);
      const exact = divide(total, claims);
      for (const [index, part] of divideWhole(total, claims).entries()) {
        expect(Number.isInteger(part)).toBe(true);
        expect(Math.abs(part - (exact[index] ?? 0))).toBeLessThan(1 + 1e-6);
      }
    }
  });
});
