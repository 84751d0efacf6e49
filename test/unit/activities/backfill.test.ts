import { describe, expect, it } from 'vitest';
import { createBackfillPage, type BackfillDependencies } from '../../../src/activities/backfill.js';
import { loadConfig } from '../../../src/config/index.js';
import { imageEventSchema, type BackfillPageInput, type ImageEvent } from '../../../src/domain/index.js';
import { StreamUnavailableError } from '../../../src/stream/index.js';
import { createLogger } from '../../../src/telemetry/index.js';
import { WarehouseError, type Warehouse } from '../../../src/warehouse/index.js';

const HOUR_MS = 3_600_000;
const resource = (name: string, but: Record<string, unknown> = {}) => ({
  bucket: 'uploads',
  name,
  generation: '17',
  timeCreated: new Date(Date.now() - HOUR_MS).toISOString(),
  contentType: 'image/jpeg',
  size: '3',
  ...but,
});
const input = (but: Partial<BackfillPageInput> = {}): BackfillPageInput => ({
  bucket: 'uploads',
  prefix: '',
  missing: false,
  dryRun: false,
  objects: 1_000,
  ahead: 1_000,
  sourceId: 'backfill/run',
  ...but,
});

interface Rig {
  resources?: unknown[];
  rows?: { object: string; reason: string; detected: number }[];
  but?: Partial<BackfillDependencies>;
}

function rig({ resources = [resource('a.jpg'), resource('b.jpg')], rows = [], but = {} }: Rig) {
  const sent: { topic: string; key: string | undefined; event: ImageEvent | undefined }[] = [];
  const query = () => Promise.resolve(rows.map((row) => ({ ...row, generation: '17', name: 'shapes' })));
  const page = createBackfillPage({
    config: loadConfig({}),
    log: createLogger('test', 'silent'),
    warehouse: { query } as unknown as Warehouse,
    producer: {
      send: (topic, records) => {
        sent.push(
          ...records.map(({ key, value }) => ({
            topic,
            key,
            event: imageEventSchema.safeParse(JSON.parse(value)).data,
          })),
        );
        return Promise.resolve();
      },
      isHealthy: () => true,
      close: () => Promise.resolve(),
    },
    lister: { list: () => Promise.resolve({ kind: 'page', resources, last: 'z', isEnd: true }) },
    route: () => ({ lane: 'bulk', model: 'shapes', deadlineMs: 1 }),
    laneBacklog: () => Promise.resolve(0),
    breakers: () => Promise.resolve({ open: [] }),
    ...but,
  });
  return { page, sent };
}

describe('a page of a backfill', () => {
  it('is counted by what becomes of each object, and enqueues the images that are wanted', async () => {
    const { page, sent } = rig({
      resources: [
        resource('a.jpg'),
        resource('b.txt', { contentType: 'text/plain' }),
        resource('c.jpg', { timeCreated: new Date(Date.now() - 3 * HOUR_MS).toISOString() }),
        resource('d.jpg', { timeCreated: new Date(Date.now() + 48 * HOUR_MS).toISOString() }),
      ],
    });
    const outcome = await page(input({ sinceMs: Date.now() - 2 * HOUR_MS }));
    expect(outcome).toMatchObject({
      counts: { listed: 4, enqueued: 1, notImage: 1, older: 1, refused: 1 },
      last: 'z',
      isEnd: true,
    });
    expect(sent).toMatchObject([
      { topic: 'penstock.image-events.bulk', event: { object: 'a.jpg', model: 'shapes', sourceId: 'backfill/run' } },
    ]);
    // Old images would be dead as EXPIRED at once.
    expect(sent[0]?.event).not.toHaveProperty('deadlineMs');
  });

  it('writes the result of what is dead before any work, and that once', async () => {
    const resources = [
      resource('a.jpg', { size: '0' }),
      resource('b.jpg', { metadata: { 'penstock-deadline': '2020-01-01T00:00:00Z' } }),
    ];
    const { page, sent } = rig({ resources });
    expect(await page(input())).toMatchObject({ counts: { listed: 2, enqueued: 1, hopeless: 1 } });
    expect(sent.map(({ topic, key }) => [topic, key])).toEqual([
      ['penstock.image-results', 'gs://uploads/a.jpg#17'],
      ['penstock.image-events.bulk', 'gs://uploads/b.jpg#17'],
    ]);
    const rows = [{ object: 'a.jpg', reason: 'NOT_AN_IMAGE', detected: 0 }];
    const again = rig({ resources: resources.slice(0, 1), rows });
    expect(await again.page(input({ missing: true }))).toMatchObject({ counts: { hopeless: 0, dead: 1 } });
  });

  it('leaves out what is older than the tables keep it, and what nothing is routed for', async () => {
    const old = resource('a.jpg', { timeCreated: new Date(Date.now() - 400 * 24 * HOUR_MS).toISOString() });
    const route: BackfillDependencies['route'] = ({ object }) =>
      object === 'b.jpg' ? undefined : { lane: 'bulk', model: 'shapes' };
    const { page } = rig({ resources: [old, resource('b.jpg')], but: { route } });
    expect(await page(input())).toMatchObject({ counts: { listed: 2, enqueued: 0, outOfRetention: 1, unrouted: 1 } });
  });

  it('takes the model and the lane that it is given', async () => {
    const { page, sent } = rig({});
    await page(input({ model: 'other', lane: 'express' }));
    expect(sent).toMatchObject([
      { topic: 'penstock.image-events.express', event: { model: 'other' } },
      { topic: 'penstock.image-events.express', event: { model: 'other' } },
    ]);
  });

  it('takes of the missing those without a row and those whose death another try may undo', async () => {
    const row = (object: string, reason: string, detected = 0) => ({ object, reason, detected });
    const { page, sent } = rig({
      resources: ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg', 'e.jpg'].map((name) => resource(name)),
      rows: [
        row('a.jpg', '', 1),
        row('b.jpg', 'CORRUPT_IMAGE'),
        row('c.jpg', 'FORBIDDEN'),
        row('d.jpg', 'FORBIDDEN', 1),
      ],
    });
    expect(await page(input({ missing: true }))).toMatchObject({ counts: { enqueued: 2, detected: 2, dead: 1 } });
    expect(sent.map(({ event }) => event?.object)).toEqual(['c.jpg', 'e.jpg']);
  });

  it('enqueues nothing in a dry run, and nothing while the lane is full', async () => {
    const { page, sent } = rig({ but: { laneBacklog: () => Promise.resolve(1_000) } });
    expect(await page(input({ dryRun: true }))).toMatchObject({ kind: 'page', counts: { enqueued: 2 } });
    expect(await page(input())).toMatchObject({ kind: 'full', lane: 'bulk' });
    expect(await page(input({ fullLane: 'bulk' }))).toMatchObject({ kind: 'full', lane: 'bulk' });
    expect(sent).toEqual([]);
  });

  it('says which server it waits for, and what no waiting helps', async () => {
    const answers = (kind: 'missing' | 'forbidden') =>
      rig({ but: { lister: { list: () => Promise.resolve({ kind, detail: 'no' }) } } }).page(input());
    expect(await answers('missing')).toMatchObject({ kind: 'waiting', what: 'there is no bucket gs://uploads' });
    expect(await answers('forbidden')).toMatchObject({ kind: 'waiting', what: 'gs://uploads may not be listed: no' });
    const away = rig({ but: { laneBacklog: () => Promise.reject(new Error('broker')) } });
    expect(await away.page(input())).toMatchObject({ kind: 'waiting', what: 'Kafka: broker' });
    const producer = {
      send: () => Promise.reject(new StreamUnavailableError('no ack')),
      isHealthy: () => false,
      close: () => Promise.resolve(),
    };
    expect(await rig({ but: { producer } }).page(input())).toMatchObject({ kind: 'waiting', what: 'Kafka: no ack' });
    const query = () => Promise.reject(new WarehouseError('unavailable', undefined, 'away'));
    const { page } = rig({ but: { warehouse: { query } as unknown as Warehouse } });
    expect(await page(input({ missing: true }))).toMatchObject({ kind: 'waiting', what: 'ClickHouse: away' });
    expect(await rig({}).page(input({ lane: 'nope' }))).toMatchObject({ kind: 'impossible' });
  });

  it('waits while the circuit breaker of its images is open and enough of them are held, some for its probe', async () => {
    const breaker = { model: 'shapes', reason: 'FORBIDDEN', detail: '403', failing: 9, of: 10 } as const;
    const open = (bucket: string, held: number): Partial<BackfillDependencies> => ({
      breakers: () => Promise.resolve({ open: [{ ...breaker, bucket, openedAtMs: 1, probes: 0 }] }),
      laneBacklog: (lane) => Promise.resolve(lane === 'held' ? held : 0),
    });
    const { page, sent } = rig({ but: open('uploads', 1_000) });
    expect(await page(input())).toMatchObject({
      kind: 'waiting',
      what: expect.stringContaining('gs://uploads under shapes is held') as string,
    });
    expect(sent).toEqual([]);
    expect(await page(input({ model: 'other' }))).toMatchObject({ kind: 'page' });
    expect(await rig({ but: open('uploads', 999) }).page(input())).toMatchObject({ kind: 'page' });
    expect(await rig({ but: open('elsewhere', 1_000) }).page(input())).toMatchObject({ kind: 'page' });
    const unknown = { ...open('uploads', 1_000), breakers: () => Promise.reject(new Error('no orchestrator')) };
    expect(await rig({ but: unknown }).page(input())).toMatchObject({ kind: 'page' });
  });

  it('is one of two at once, whatever the number of backfills', async () => {
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const list = async () => {
      await held;
      return { kind: 'page' as const, resources: [], last: undefined, isEnd: true };
    };
    const { page } = rig({ but: { lister: { list } } });
    const both = [page(input()), page(input())];
    expect(await page(input())).toEqual({ kind: 'full', what: 'other backfills are at work' });
    go();
    expect((await Promise.all(both)).map(({ kind }) => kind)).toEqual(['page', 'page']);
    expect(await page(input())).toMatchObject({ kind: 'page' });
  });
});
