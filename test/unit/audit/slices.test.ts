import { expect, it } from 'vitest';
import { slicesOf } from '../../../src/audit/slices.js';

const HOUR = 3_600_000;

it('takes hours with few rows together and cuts an hour with many, inside the time that is audited', () => {
  const hours = [
    { hourMs: 0, rows: 40 },
    { hourMs: HOUR, rows: 40 },
    { hourMs: 2 * HOUR, rows: 200 },
    { hourMs: 9 * HOUR, rows: 1 },
  ];
  expect(slicesOf(hours, { fromMs: 1000, toMs: 9.5 * HOUR }, 100)).toEqual([
    { fromMs: 1000, toMs: 2 * HOUR },
    { fromMs: 2 * HOUR, toMs: 2.5 * HOUR },
    { fromMs: 2.5 * HOUR, toMs: 3 * HOUR },
    { fromMs: 9 * HOUR, toMs: 9.5 * HOUR },
  ]);
});

it('is nothing where nothing came', () => {
  expect(slicesOf([], { fromMs: 0, toMs: HOUR }, 100)).toEqual([]);
});
