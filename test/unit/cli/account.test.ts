import { describe, expect, test } from 'vitest';
import {
  accountRows,
  addAccounts,
  compareHourly,
  speedOf,
  type FoundRow,
  type HourlyCount,
} from '../../../src/cli/demo/account.js';
import { ratio } from '../../../src/cli/demo/statistics.js';
import { percentile } from '../../../src/telemetry/index.js';

function row(object: string, change: Partial<FoundRow> = {}): FoundRow {
  return { object, generation: '1', status: 'detected', reason: '', uploadedAtMs: 0, storedAtMs: 1000, ...change };
}

function sent(object: string, broken = false): { object: string; generation: string; broken: boolean } {
  return { object, generation: '1', broken };
}

describe('the account of rows', () => {
  test('finds nothing wrong when every image has its one row', () => {
    const rows = [row('a'), row('b'), row('c', { status: 'dead', reason: 'GONE' })];
    expect(accountRows([sent('a'), sent('b'), sent('c', true)], rows)).toEqual({
      rows: 3,
      detected: 2,
      dead: { GONE: 1 },
      failed: {},
      lost: [],
      twice: 0,
      strange: 0,
    });
  });

  test('names an image without a row as lost, also when another generation of its name has one', () => {
    const account = accountRows([sent('a'), sent('b')], [row('a'), row('b', { generation: '2' })]);
    expect(account).toMatchObject({ lost: ['b'], strange: 1, twice: 0 });
  });

  test('counts the second row of an image as counted twice, and never as a second image', () => {
    const account = accountRows([sent('a')], [row('a'), row('a')]);
    expect(account).toMatchObject({ rows: 2, detected: 1, twice: 1, lost: [] });
  });

  test('tells a good picture that died from one that was broken on purpose', () => {
    const dead = { status: 'dead', reason: 'WORKER_LOST' };
    const account = accountRows([sent('a'), sent('b', true)], [row('a', dead), row('b', dead)]);
    expect(account).toMatchObject({ dead: { WORKER_LOST: 2 }, failed: { WORKER_LOST: 1 } });
  });

  test('is the sum of the accounts of its pages, the most frequent reason first', () => {
    const first = accountRows([sent('a', true), sent('b')], [row('a', { status: 'dead', reason: 'GONE' })]);
    const second = accountRows(
      [sent('c', true), sent('d', true), sent('e')],
      [
        row('c', { status: 'dead', reason: 'NOT_AN_IMAGE' }),
        row('d', { status: 'dead', reason: 'NOT_AN_IMAGE' }),
        row('e'),
        row('e'),
      ],
    );
    const sum = addAccounts(first, second);
    expect(sum).toMatchObject({ rows: 5, detected: 1, lost: ['b'], twice: 1, dead: { GONE: 1, NOT_AN_IMAGE: 2 } });
    expect(Object.keys(sum.dead)).toEqual(['NOT_AN_IMAGE', 'GONE']);
  });
});

describe('rollups against images', () => {
  const count = (name: string, images: number, detections: number, hour = 0): HourlyCount => ({
    hour,
    model: 'shapes@1',
    class: name,
    images,
    detections,
  });

  test('agree when every hour and class has the same numbers, in any order', () => {
    const base = [count('star', 2, 3), count('ring', 1, 1), count('star', 4, 4, 3600)];
    expect(compareHourly(base, base.toReversed())).toEqual({ missing: 0, extra: 0 });
  });

  test('are short of what they lack, and over by what they have too much, each by itself', () => {
    expect(compareHourly([count('star', 2, 3)], [])).toEqual({ missing: 5, extra: 0 });
    expect(compareHourly([], [count('star', 2, 3)])).toEqual({ missing: 0, extra: 5 });
    expect(compareHourly([count('star', 2, 3), count('ring', 1, 1)], [count('star', 2, 4)])).toEqual({
      missing: 2,
      extra: 1,
    });
  });

  test('are over when one hour and class is there twice', () => {
    expect(compareHourly([count('star', 2, 3)], [count('star', 2, 3), count('star', 2, 3)])).toEqual({
      missing: 0,
      extra: 5,
    });
  });

  test('differ when a box is counted in another hour', () => {
    expect(compareHourly([count('star', 1, 1)], [count('star', 1, 1, 3600)])).toEqual({ missing: 2, extra: 2 });
  });
});

describe('the speed of a run', () => {
  test('is the time from upload to row, and images from the first upload to the last row', () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({
      uploadedAtMs: 1000 + index,
      storedAtMs: 1000 + index + (index + 1) * 100,
    }));
    expect(speedOf(rows)).toEqual({
      latencyMs: { p50: 1000, p95: 1900 },
      seconds: 2.019,
      imagesPerSecond: 20 / 2.019,
    });
  });

  test('of no rows is none', () => {
    expect(speedOf([])).toEqual({ latencyMs: null, imagesPerSecond: null, seconds: 0 });
  });
});

test('a percentile is one of the values: the smallest that so many do not exceed', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.5, 0.8, 0.95, 1].map((share) => percentile(values, share))).toEqual([1, 1, 3, 4, 5, 5]);
  expect(values).toEqual([5, 1, 4, 2, 3]);
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBeUndefined();
});

test('a share of nothing is no share', () => {
  expect([ratio(1, 4), ratio(0, 0)]).toEqual([0.25, undefined]);
});
