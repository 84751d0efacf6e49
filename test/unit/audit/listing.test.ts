import { expect, it } from 'vitest';
import { auditListing, lookAgain } from '../../../src/audit/listing.js';
import type { AuditOptions } from '../../../src/audit/options.js';
import { emptyBucket } from '../../../src/audit/report.js';
import { loadConfig } from '../../../src/config/index.js';
import type { QueryParams, Warehouse } from '../../../src/warehouse/index.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const CREATED = '2026-01-31T10:00:00.000Z';
const resource = (name: string, but: Record<string, unknown> = {}) => ({
  ...{ bucket: 'uploads', name, generation: '17', timeCreated: CREATED, contentType: 'image/jpeg', size: '3' },
  ...but,
});

function rig(resources: unknown[], rows: { object: string; received: 'event' | 'result' }[]) {
  const asked: QueryParams[] = [];
  const query = (_sql: string, params: QueryParams = {}) => {
    asked.push(params);
    return Promise.resolve(rows.map((row) => ({ ...row, generation: '17' })));
  };
  const options: AuditOptions = {
    ...{ buckets: ['uploads'], prefix: '', fromMs: NOW - 86_400_000, toMs: NOW, mostListed: 10, pageEveryMs: 0 },
    lister: { list: () => Promise.resolve({ kind: 'page', resources, last: 'z', isEnd: true }) },
    warehouse: { query } as unknown as Warehouse,
    route: () => ({ lane: 'bulk', model: 'shapes', deadlineMs: 60_000 }),
    config: loadConfig({}),
    onTheWay: () => Promise.resolve({ partitions: [], batches: [] }),
    sinkBehind: () => Promise.resolve(0),
    signal: new AbortController().signal,
    now: () => NOW,
  };
  return { options, asked };
}

it('an object without an event is missing, unless intake has refused it: then it has a result', async () => {
  const { options } = rig(
    [resource('came.jpg'), resource('empty.jpg', { size: '0' }), resource('late.jpg'), resource('never.jpg')],
    [
      { object: 'came.jpg', received: 'event' },
      { object: 'empty.jpg', received: 'result' },
      { object: 'late.jpg', received: 'result' },
      // Of another object, which has the same generation by chance.
      { object: 'cat.jpg', received: 'event' },
    ],
  );
  const counts = emptyBucket('uploads');
  const { received, missing } = await auditListing(options, 'uploads', counts);
  expect(missing.map(({ object }) => object)).toEqual(['never.jpg']);
  expect([received, counts]).toMatchObject([1, { objects: 4, notReceived: 1, notTaken: { refused: 2 } }]);
});

it('a bucket with more objects than are to be listed is not listed to its end, and says so', async () => {
  const { options } = rig([], []);
  const pages = [['a.jpg', 'b.jpg'], ['c.jpg', 'd.jpg'], ['e.jpg']];
  const listed: unknown[] = [];
  const lister: AuditOptions['lister'] = {
    list: ({ after }) => {
      listed.push(after);
      const names = pages[listed.length - 1] ?? [];
      const isEnd = listed.length === pages.length;
      return Promise.resolve({
        kind: 'page',
        resources: names.map((name) => resource(name)),
        last: names.at(-1),
        isEnd,
      });
    },
  };
  const counts = emptyBucket('uploads');
  await auditListing({ ...options, lister, mostObjects: 3 }, 'uploads', counts);
  expect([listed, counts.notReceived]).toEqual([[undefined, 'b.jpg'], 4]);
  expect(counts.problem).toBe('more than 3 objects, not listed to its end');

  listed.length = 0;
  const whole = emptyBucket('uploads');
  await auditListing({ ...options, lister, mostObjects: 5 }, 'uploads', whole);
  expect([whole.notReceived, whole.problem]).toEqual([5, null]);
});

it('an event without data, whose time is later than the upload, is found', async () => {
  const { options, asked } = rig([resource('a.jpg')], []);
  await auditListing(options, 'uploads', emptyBucket('uploads'));
  expect(asked).toMatchObject([{ from: '2026-01-31 10:00:00.000', to: '2026-01-31 10:01:00.000' }]);
});

it('what is there at the second look is taken out of the counts', async () => {
  const { options } = rig([], [{ object: 'late.jpg', received: 'event' }]);
  const counts = { ...emptyBucket('uploads'), notReceived: 2 };
  const image = {
    kind: 'not-received',
    bucket: 'uploads',
    generation: '17',
    model: null,
    uploadedAt: CREATED,
  } as const;
  const images = [
    { ...image, object: 'late.jpg' },
    { ...image, object: 'never.jpg' },
  ];
  expect(await lookAgain(options, images, new Map([['uploads', counts]]))).toEqual(images.slice(1));
  expect(counts.notReceived).toBe(1);
});
