import sharp from 'sharp';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import { createPictures } from '../../../src/console/pictures.js';
import type { ImageRef } from '../../../src/domain/index.js';
import { RequestError } from '../../../src/operations/index.js';
import type { ReadOutcome } from '../../../src/storage/index.js';
import type { Warehouse } from '../../../src/warehouse/index.js';

const jpeg = sharp({ create: { width: 4, height: 2, channels: 3, background: 'red' } })
  .jpeg()
  .toBuffer();

/** What the tables have, and what was read from the storage. */
function start(rows: { uploads?: string[]; image_results?: string[] }, environment: Record<string, string> = {}) {
  const reads: ImageRef[] = [];
  const goOn: (() => void)[] = [];
  let isHeld = false;
  const show = createPictures({
    config: loadConfig(environment),
    warehouse: {
      query: (sql: string, { object, generation }: Record<string, unknown>) => {
        const table = sql.includes('FROM uploads') ? 'uploads' : 'image_results';
        return Promise.resolve((rows[table] ?? []).filter((row) => row === `${String(object)}#${String(generation)}`));
      },
    } as unknown as Warehouse,
    reader: {
      read: async (image): Promise<ReadOutcome> => {
        reads.push(image);
        if (isHeld) await new Promise<void>((resolve) => goOn.push(resolve));
        return { kind: 'bytes', bytes: await jpeg };
      },
    },
  });
  return { show, reads, goOn, hold: () => (isHeld = true) };
}

test('only what Penstock has a row of is read, by its generation', async () => {
  const { show, reads } = start({ uploads: ['a.jpg#7'], image_results: ['old.jpg#1'] });
  expect((await sharp(await show('gs://uploads/a.jpg#7')).metadata()).format).toBe('webp');
  await show('gs://uploads/old.jpg#1');
  for (const name of ['gs://uploads/a.jpg#8', 'gs://uploads/secret.jpg#7', 'gs://uploads/old.jpg#7'])
    await expect(show(name)).rejects.toMatchObject({ status: 404, message: expect.stringContaining(name) as string });
  await expect(show('gs://uploads/a.jpg')).rejects.toMatchObject({ status: 400 });
  await expect(show('a.jpg')).rejects.toThrow(RequestError);
  expect(reads.map(({ object, generation }) => `${object}#${generation}`)).toEqual(['a.jpg#7', 'old.jpg#1']);
});

test('with PENSTOCK_BUCKETS other buckets are refused', async () => {
  const { show, reads } = start({ uploads: ['a.jpg#7'] }, { PENSTOCK_BUCKETS: 'uploads' });
  await expect(show('gs://secrets/a.jpg#7')).rejects.toMatchObject({ status: 403 });
  await show('gs://uploads/a.jpg#7');
  expect(reads).toHaveLength(1);
});

test('two are read at once, twenty wait, and more are told to ask again', async () => {
  const { show, reads, goOn, hold } = start({ uploads: ['a.jpg#7'] });
  hold();
  const asked = Array.from({ length: 25 }, () => show('gs://uploads/a.jpg#7'));
  const ended = Promise.allSettled(asked);
  await expect.poll(() => goOn.length).toBe(2);
  expect(reads).toHaveLength(2);
  let most = 0;
  const going = setInterval(() => {
    most = Math.max(most, goOn.length);
    goOn.splice(0).forEach((go) => go());
  }, 5);
  const outcomes = await ended;
  clearInterval(going);
  expect(most).toBe(2);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(22);
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  expect(refused).toMatchObject(Array(3).fill({ status: 503 }));
  // Its places are free again.
  const last = show('gs://uploads/a.jpg#7');
  await expect.poll(() => goOn.length).toBe(1);
  goOn.pop()?.();
  await expect(last).resolves.toBeInstanceOf(Buffer);
});
