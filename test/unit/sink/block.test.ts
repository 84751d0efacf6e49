import { describe, expect, test } from 'vitest';
import { cutBlocks, insertIsolating, type Row } from '../../../src/sink/block.js';
import { DEAD_LETTERS, IMAGE_RESULTS } from '../../../src/warehouse/index.js';

function row(name: string, tablePartition = 0, target = IMAGE_RESULTS): Row {
  const source = {
    topic: 't',
    partition: 0,
    offset: 0n,
    origin: name,
    value: Buffer.from(name),
    timestampMs: 0,
    signal: new AbortController().signal,
  };
  return { target, tablePartition, data: name, source };
}
const names = (rows: readonly Row[]): string[] => rows.map(({ data }) => String(data));

describe('a block', () => {
  test('holds rows of one table, at most so many, from at most so many table partitions', () => {
    const rows = [row('a', 1), row('b', 2), row('x', 1, DEAD_LETTERS), row('c', 1), row('d', 3), row('e', 3)];
    const blocks = cutBlocks(rows, { maxRows: 3, maxPartitions: 2 });
    expect(blocks.map(names)).toEqual([['a', 'b', 'c'], ['x'], ['d', 'e']]);
    const spread = Array.from({ length: 120 }, (_, month) => row(`m${month}`, month));
    expect(cutBlocks(spread, { maxRows: 1_000, maxPartitions: 50 }).map(({ length }) => length)).toEqual([50, 50, 20]);
  });

  test('with rows that the server refuses is halved until they stand alone; all others are stored', async () => {
    const bad = new Set(['r7', 'r8', 'r900']);
    const stored = new Set<string>();
    let inserts = 0;
    const rows = Array.from({ length: 1_000 }, (_, index) => row(`r${index}`));
    const refused = await insertIsolating(rows, ({ data }) => {
      inserts += 1;
      const culprit = data.find((one) => bad.has(String(one)));
      if (culprit !== undefined) return Promise.resolve({ kind: 'data', message: `no ${String(culprit)}` });
      data.forEach((one) => stored.add(String(one)));
      return Promise.resolve({ kind: 'stored' });
    });
    expect(refused.map(({ row: { data }, message }) => [data, message])).toEqual([
      ['r7', 'no r7'],
      ['r8', 'no r8'],
      ['r900', 'no r900'],
    ]);
    expect(stored.size).toBe(997);
    expect(inserts).toBeLessThan(60);
  });

  test('is given up when the insert itself throws: that is nobody’s fault', async () => {
    await expect(insertIsolating([row('a'), row('b')], () => Promise.reject(new Error('away')))).rejects.toThrow(
      'away',
    );
  });
});
