import { expect, test } from 'vitest';
import { rateOf } from '../../../src/stream/arrivals.js';

/** A topic whose records came so many milliseconds ago. */
const rate = (ages: number[], ever = ages.length): Promise<number> =>
  rateOf((ms) => Promise.resolve(ages.filter((age) => age <= ms).length), ever);
const every = (ms: number, count: number): number[] => Array.from({ length: count }, (_, index) => (index + 1) * ms);

test('arrivals are the records of the last minute, whatever came before', async () => {
  expect(await rate(every(100, 6_000))).toBeCloseTo(10, 9);
  expect(await rate([])).toBe(0);
  // Deleted since: the topic is older than what it holds.
  expect(await rate(every(100, 60), 1_000)).toBe(1);
});

test('into a topic that is younger than a minute they are those since its first record', async () => {
  expect(Math.abs((await rate(every(100, 100))) - 10)).toBeLessThan(1);
  expect(Math.abs((await rate(every(50, 800))) - 20)).toBeLessThan(1);
  expect(await rate([10])).toBeLessThanOrEqual(1.1);
});
