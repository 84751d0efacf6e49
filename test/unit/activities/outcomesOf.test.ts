import { expect, it } from 'vitest';
import { outcomesOf } from '../../../src/activities/outcomesOf.js';
import type { PackedImage } from '../../../src/domain/index.js';
import type { Warehouse } from '../../../src/warehouse/index.js';

it('tells what is detected, and what is dead for good, bucket by bucket, at most 500 at once', async () => {
  const rows: Record<string, { object: string; detected: number; reason: string }[]> = {
    one: [
      { object: '0.jpg', detected: 1, reason: 'FORBIDDEN' },
      { object: '2.jpg', detected: 0, reason: 'GONE' },
    ],
    two: [
      { object: '1.jpg', detected: 0, reason: 'FORBIDDEN' },
      { object: '3.jpg', detected: 1, reason: '' },
      { object: '1201.jpg', detected: 1, reason: '' },
    ],
  };
  let statements = 0;
  const query = (_sql: string, { bucket }: { bucket: string }) => {
    statements += 1;
    return Promise.resolve(
      (rows[bucket] ?? []).map((row) => ({ received: '2', ...row, generation: '17', name: 'shapes' })),
    );
  };
  const images = Array.from({ length: 1_202 }, (_, index): PackedImage => [index % 2, `${index}.jpg`, '17', 1, 2]);
  const warehouse = { query } as unknown as Warehouse;
  expect(await outcomesOf({ warehouse }, { model: 'shapes', buckets: ['one', 'two'], images })).toEqual({
    detected: [0, 3, 1_201],
    dead: [[2, 'GONE']],
  });
  expect(statements).toBe(4);
});

it('takes no outcome that is older than the event: a backfill may be for a new version of the model', async () => {
  const rows = ['before', 'after'].flatMap((when) => [
    { object: `detected-${when}`, detected: 1, reason: '', received: when === 'after' ? '2000' : '1999' },
    { object: `gone-${when}`, detected: 0, reason: 'GONE', received: when === 'after' ? '2001' : '1000' },
  ]);
  const query = () => Promise.resolve(rows.map((row) => ({ ...row, generation: '17', name: 'shapes' })));
  const images = rows.map(({ object }): PackedImage => [0, object, '17', 1_000, 2_000]);
  const warehouse = { query } as unknown as Warehouse;
  expect(await outcomesOf({ warehouse }, { model: 'shapes', buckets: ['one'], images })).toEqual({
    detected: [2],
    dead: [[3, 'GONE']],
  });
});
