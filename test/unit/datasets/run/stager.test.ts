import { expect, it } from 'vitest';
import type { Cut } from '../../../../src/datasets/run/cuts.js';
import { stagerOf } from '../../../../src/datasets/run/stager.js';
import type { StagedPiece, Staging } from '../../../../src/datasets/staging/index.js';
import { ordersManifest } from './orders.js';

const manifest = ordersManifest('schema: { newColumns: evolve }\n');

it('pieces that are staged at once and bring the same new column are both staged with it, and it is known once', async () => {
  const brings: Record<number, string[]> = { 1: ['a'], 2: ['b', 'a'], 3: [] };
  const staging = {
    stage: ({ read }: { read: number }) =>
      Promise.resolve({ read, rows: read, quarantined: 0, newColumns: brings[read] ?? [] } as unknown as StagedPiece),
  } as unknown as Staging;
  const added: string[][] = [];
  const stage = stagerOf(staging, {
    ...{ manifest, logicalDate: new Date(0), evolved: ['before'], signal: new AbortController().signal },
    secrets: () => '',
    lookup: () => Promise.resolve(),
    add: async (names) => {
      added.push([...names]);
      await new Promise(setImmediate);
    },
  });
  const cut = (read: number): Cut => ({ piece: { read } }) as unknown as Cut;
  const both = await Promise.all([stage(cut(1)), stage(cut(2))]);
  expect(added).toEqual([['a'], ['b', 'a']]);
  for (const [index, { evolved }] of both.entries())
    expect(evolved).toEqual(expect.arrayContaining(brings[index + 1] ?? []));
  expect((await stage(cut(3))).evolved).toEqual(['before', 'a', 'b']);
});
