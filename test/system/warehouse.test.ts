import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { imageKey, type ImageEvent, type ImageResult } from '../../src/domain/index.js';
import {
  connectWarehouse,
  countDeadLetters,
  countImages,
  DEAD_LETTERS,
  deadLetterRow,
  IMAGE_RESULTS,
  imageResultRow,
  UPLOAD_EVENTS,
  uploadEventRow,
  migrate,
  pendingMigrations,
  readOutcomes,
  receivedAmong,
  refusedEventsOf,
  resultsOf,
  rollUp,
  setModelPins,
  storedRate,
  uploadsOf,
  verifyRollups,
  type RollupProgress,
  WarehouseError,
  type Warehouse,
} from '../../src/warehouse/index.js';
import { readMigrations, type Migration } from '../../src/warehouse/migrationFiles.js';
import { startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

const log = pino({ level: 'silent' });
const HOUR = 3_600_000;
/** The middle of an hour of yesterday. */
const UPLOADED = Math.floor(Date.now() / HOUR) * HOUR - 24 * HOUR + HOUR / 2;

let server: ClickHouseServer;
let directory = '';
let databases = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-warehouse-'));
  server = await startClickHouse(directory);
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const account = (database: string) => ({ url: server.url, username: 'default', password: '', database });
const open = (database: string): Warehouse => connectWarehouse(account(database), { retentionDays: 396, log });
const freshDatabase = (): string => `test_${(databases += 1)}`;

function result(object: string, classes: readonly string[], fields: Partial<ImageResult> = {}): ImageResult {
  return {
    ...{ v: 1, bucket: 'photos', object, generation: '1700000000000001', model: 'shapes@0a1b', status: 'detected' },
    ...{ width: 640, height: 480, uploadedAtMs: UPLOADED, receivedAtMs: UPLOADED + 500, detectedAtMs: UPLOADED + 900 },
    detections: classes.map((name, index) => ({ class: name, score: 0.9, xMin: index, yMin: 1, xMax: 9, yMax: 8 })),
    ...{ attempts: 1, workflowId: 'detect/t/0/1-aa', runId: 'r' },
    ...fields,
  };
}

async function store(warehouse: Warehouse, ...results: ImageResult[]): Promise<void> {
  await warehouse.insert({ ...IMAGE_RESULTS, rows: results.map(imageResultRow), timeoutMs: 30_000 });
}

const byName = (a: { object: string }, b: { object: string }): number =>
  Buffer.compare(Buffer.from(a.object), Buffer.from(b.object));

/** The rollups say what the views say, computed here in another way. */
async function expectExactRollups(warehouse: Warehouse): Promise<void> {
  const classes = 'SELECT toString(hour) AS hour, bucket, model, class, images, detections FROM';
  const order = 'ORDER BY hour, bucket, model, class';
  expect(await warehouse.query(`${classes} detections_hourly ${order}`)).toEqual(
    await warehouse.query(
      `${classes} (SELECT toStartOfHour(uploaded_at) AS hour, bucket, model, class,
         uniqExact(object, generation) AS images, count() AS detections
       FROM detections GROUP BY hour, bucket, model, class) ${order}`,
    ),
  );
  const totals = 'SELECT toString(hour) AS hour, bucket, model, images, dead FROM';
  expect(await warehouse.query(`${totals} images_hourly ORDER BY hour, bucket, model`)).toEqual(
    await warehouse.query(
      `${totals} (SELECT toStartOfHour(uploaded_at) AS hour, bucket, model, count() AS images,
         countIf(status = 'dead') AS dead FROM images GROUP BY hour, bucket, model) ORDER BY hour, bucket, model`,
    ),
  );
}

describe('migrations', () => {
  const steps: Migration[] = [
    {
      version: 1,
      name: '0001_a',
      checksum: 'a',
      statements: ['CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = Memory'],
    },
    { version: 2, name: '0002_b', checksum: 'b', statements: ['INSERT INTO a SELECT 1', 'INSERT INTO a SELECT 2'] },
  ];
  const rows = async (warehouse: Warehouse) => (await warehouse.query<{ n: number }>('SELECT n FROM a')).length;

  test('ten migrators at once apply each file once, in order', async () => {
    const database = freshDatabase();
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => migrate({ ...account(database), log, migrations: steps })),
    );
    expect(outcomes.flatMap(({ applied }) => applied).sort()).toEqual(['0001_a', '0002_b']);
    const warehouse = open(database);
    expect(await rows(warehouse)).toBe(2);
    expect(await migrate({ ...account(database), log, migrations: steps })).toEqual({ applied: [] });
    await warehouse.close();
  });

  test('an applied file that was changed, or that is not known, stops the migration', async () => {
    const database = freshDatabase();
    await migrate({ ...account(database), log, migrations: steps });
    const changed = steps.map((step) => (step.version === 1 ? { ...step, checksum: 'other' } : step));
    await expect(migrate({ ...account(database), log, migrations: changed })).rejects.toThrow('0001_a was changed');
    await expect(migrate({ ...account(database), log, migrations: steps.slice(0, 1) })).rejects.toThrow('0002_b');
  });

  test('a file that failed is applied again once it is right, and what came before it is kept', async () => {
    const database = freshDatabase();
    const broken: Migration[] = [
      ...steps.slice(0, 1),
      { version: 2, name: '0002_b', checksum: 'b', statements: ['INSERT INTO nowhere SELECT 1'] },
    ];
    await expect(migrate({ ...account(database), log, migrations: broken })).rejects.toThrow('nowhere');
    expect(await migrate({ ...account(database), log, migrations: steps })).toEqual({ applied: ['0002_b'] });
  });

  test('a lock whose holder died is waited for until it expires, then taken over', async () => {
    const database = freshDatabase();
    await migrate({ ...account(database), log, migrations: steps.slice(0, 1) });
    const warehouse = open(database);
    const lock = async (until: string) => {
      const state = `concat('{"owner":"dead","holder":"gone/1","untilMs":', ${until}, '}')`;
      const [row] = await warehouse.query<{ state: string }>(`SELECT ${state} AS state`);
      await warehouse.command(
        `CREATE TABLE schema_migrations_lock_7 (n UInt8) ENGINE = MergeTree ORDER BY n COMMENT '${row?.state ?? ''}'`,
      );
    };
    await lock('toString(toUnixTimestamp64Milli(now64(3)) + 600000)');
    const waiting = migrate({ ...account(database), log, migrations: steps, waitMs: 300 });
    await expect(waiting).rejects.toThrow('locked by gone/1');
    await warehouse.command('DROP TABLE schema_migrations_lock_7');
    await lock('toString(toUnixTimestamp64Milli(now64(3)) + 700)');
    expect(await migrate({ ...account(database), log, migrations: steps })).toEqual({ applied: ['0002_b'] });
    await warehouse.close();
  });

  test('the files of the program are numbered without a gap, and all are applied', async () => {
    const database = freshDatabase();
    const names = (await readMigrations()).map(({ name }) => name);
    const warehouse = open(database);
    expect(await migrate({ ...account(database), log })).toEqual({ applied: names });
    expect(await pendingMigrations(warehouse)).toEqual([]);
    await warehouse.close();
  });
});

describe('tables', () => {
  let warehouse: Warehouse;
  beforeEach(async () => {
    const database = freshDatabase();
    await migrate({ ...account(database), log });
    warehouse = open(database);
    return () => warehouse.close();
  });
  const select = <Row>(sql: string): Promise<Row[]> => warehouse.query<Row>(sql);

  test('a row has the columns of the contract, to the last digit and millisecond', async () => {
    await store(warehouse, result('a "b"\n.jpg', ['dog'], { generation: '9223372036854775807' }));
    expect(await select('SELECT * EXCEPT stored_at, stored_at > uploaded_at AS stored FROM images')).toEqual([
      {
        ...{ bucket: 'photos', object: 'a "b"\n.jpg', generation: '9223372036854775807', model: 'shapes@0a1b' },
        ...{ status: 'detected', reason: '', detail: '', width: 640, height: 480, attempts: 1 },
        uploaded_at: new Date(UPLOADED).toISOString(),
        received_at: new Date(UPLOADED + 500).toISOString(),
        detected_at: new Date(UPLOADED + 900).toISOString(),
        ...{ workflow_id: 'detect/t/0/1-aa', run_id: 'r', model_name: 'shapes', stored: 1 },
      },
    ]);
    expect(
      await select('SELECT class, round(score, 2) AS score, x_min, y_min, x_max, y_max, width FROM detections'),
    ).toEqual([{ class: 'dog', score: 0.9, x_min: 0, y_min: 1, x_max: 9, y_max: 8, width: 640 }]);
  });

  test('duplicates count once, a later detection replaces all boxes, and a late death erases none', async () => {
    await store(warehouse, result('a', ['dog', 'cat']), result('b', []));
    await store(warehouse, result('a', ['dog', 'cat']));
    await store(warehouse, result('a', ['bird'], { detectedAtMs: UPLOADED + 5_000 }));
    await store(warehouse, result('a', ['dog', 'cat']));
    await store(warehouse, result('a', [], { status: 'dead', reason: 'GONE', detectedAtMs: UPLOADED + 9_000 }));
    await store(warehouse, result('c', [], { status: 'dead', reason: 'GONE' }));
    for (const merged of [false, true]) {
      if (merged) await warehouse.command('OPTIMIZE TABLE image_results FINAL');
      const images = await countImages(warehouse);
      expect(images).toMatchObject({ images: 3, detected: 2, dead: 1, deadByReason: { GONE: 1 } });
      if (merged) expect(images.rows).toBe(3);
      else expect(images.rows).toBeGreaterThanOrEqual(3);
      expect(await select('SELECT object, class FROM detections')).toEqual([{ object: 'a', class: 'bird' }]);
    }
    expect(await countImages(warehouse, { bucket: 'elsewhere' })).toMatchObject({ images: 0 });
    expect(await countImages(warehouse, { storedSince: new Date(Date.now() + HOUR) })).toMatchObject({ images: 0 });
  });

  const upload = async (object: string, lane: string, offset: number, at: { held?: boolean; model?: string } = {}) => {
    const { held = false, model = 'shapes' } = at;
    const event: ImageEvent = {
      ...{ v: 1, id: `event-${offset}`, bucket: 'photos', object, generation: '1700000000000001', model },
      ...{ uploadedAtMs: UPLOADED, receivedAtMs: UPLOADED + 500 },
    };
    const topic = `penstock.image-events.${held ? 'held' : lane}`;
    const record = { lane, topic, partition: 3, offset: BigInt(offset), recordedAtMs: UPLOADED + offset };
    await warehouse.insert({ ...UPLOAD_EVENTS, rows: [uploadEventRow(event, record)], timeoutMs: 30_000 });
  };

  test('an event that comes twice is one upload, and one that was held and goes back shows where it is now', async () => {
    const places = () => select(`SELECT object, model, lane, topic, record_offset FROM uploads ORDER BY object, model`);
    await upload('a', 'bulk', 1);
    await upload('a', 'bulk', 2);
    await upload('a', 'bulk', 2, { model: 'other' });
    await upload('b', 'bulk', 3);
    await upload('b', 'bulk', 4, { held: true });
    const [a, other] = [
      { object: 'a', model: 'shapes', lane: 'bulk', topic: 'penstock.image-events.bulk', record_offset: '2' },
      { object: 'a', model: 'other', lane: 'bulk', topic: 'penstock.image-events.bulk', record_offset: '2' },
    ];
    const b = { object: 'b', model: 'shapes', lane: 'bulk' };
    expect(await places()).toEqual([other, a, { ...b, topic: 'penstock.image-events.held', record_offset: '4' }]);
    await upload('b', 'bulk', 5);
    // Read once more, and stored last: its record is older all the same.
    await upload('b', 'bulk', 4, { held: true });
    for (const merged of [false, true]) {
      if (merged) await warehouse.command('OPTIMIZE TABLE upload_events FINAL');
      expect(await places()).toEqual([other, a, { ...b, topic: 'penstock.image-events.bulk', record_offset: '5' }]);
    }
    expect(await select('SELECT DISTINCT deadline_at, size_bytes, source_id FROM uploads')).toEqual([
      { deadline_at: null, size_bytes: null, source_id: '' },
    ]);
  });

  test('an object is found by its name, whatever is in it, and no other', async () => {
    const names = [
      `it's`,
      'b\\',
      'c\\n',
      'tab\t',
      'line\n',
      'nul\u0000',
      '%00 {x:String}',
      'ünïcödé 😀',
      '😀'.repeat(256),
    ];
    for (const [offset, name] of names.entries()) await upload(name, 'bulk', offset);
    await store(warehouse, ...names.map((name) => result(name, ['dog'])));
    // Refused by intake: a result and no event.
    await store(warehouse, result('late', [], { model: 'shapes', status: 'dead', reason: 'EXPIRED' }));
    const image = { bucket: 'photos', generation: '1700000000000001', uploadedAtMs: UPLOADED };
    const images = [...names, 'late', 'never'].map((object) => ({ ...image, object })).sort(byName);
    const received = await receivedAmong(warehouse, 'photos', images);
    expect(received).toEqual(
      new Map([
        ...names.map((name) => [`1700000000000001 ${name}`, 'event'] as const),
        ['1700000000000001 late', 'result'],
      ]),
    );
    const outcomes = (await readOutcomes(warehouse, images, ['shapes'])).get('shapes');
    expect(outcomes?.size).toBe(names.length + 1);
    for (const object of names) {
      expect(outcomes?.get(imageKey({ ...image, object }))).toMatchObject({ isDetected: true, deadReason: '' });
      expect(await uploadsOf(warehouse, { bucket: 'photos', object }, 9)).toMatchObject([{ model: 'shapes' }]);
      expect(await resultsOf(warehouse, { bucket: 'photos', object }, 9)).toMatchObject([{ model: 'shapes@0a1b' }]);
    }
  });

  test('a refused event is found by the whole name that it holds, in its bucket', async () => {
    const letter = (id: string, payload: unknown) => ({
      ...{ v: 1 as const, id: `letter-${id}`, source: 'intake' as const, reason: 'INVALID_EVENT' as const, detail: id },
      ...{ origin: '/events/gcs', payload: JSON.stringify(payload), payloadEncoding: 'utf8' as const },
      ...{ payloadTruncated: false, receivedAtMs: UPLOADED },
    });
    const rows = [
      letter('longer', { bucket: 'photos', name: 'not-a "b".jpg' }),
      letter('elsewhere', { bucket: 'films', name: 'a "b".jpg' }),
      letter('named', { bucket: 'photos', name: 'a "b".jpg' }),
      letter('subject', { source: '//storage/buckets/photos', subject: 'objects/a "b".jpg', data_base64: 'AAAA' }),
    ].map(deadLetterRow);
    await warehouse.insert({ ...DEAD_LETTERS, rows, timeoutMs: 30_000 });
    const refused = await refusedEventsOf(warehouse, { bucket: 'photos', object: 'a "b".jpg' }, new Date(UPLOADED));
    expect(refused.map(({ detail }) => detail).sort()).toEqual(['named', 'subject']);
  });

  test('a dead letter that comes twice is one', async () => {
    const letter = {
      ...{
        v: 1 as const,
        id: 'letter-0001',
        source: 'intake' as const,
        reason: 'UNPARSABLE' as const,
        detail: 'no JSON',
      },
      ...{ origin: '/events/gcs', payload: '{\u0000', payloadEncoding: 'utf8' as const, payloadTruncated: false },
      receivedAtMs: UPLOADED,
    };
    for (let times = 0; times < 2; times += 1)
      await warehouse.insert({ ...DEAD_LETTERS, rows: [deadLetterRow(letter)], timeoutMs: 30_000 });
    expect(await countDeadLetters(warehouse)).toEqual({ UNPARSABLE: 1 });
    expect(await select('SELECT id, payload FROM dead_letters')).toEqual([{ id: 'letter-0001', payload: '{\u0000' }]);
  });

  test('an error names its kind: the data, the statement, or no answer', async () => {
    const kind = (work: Promise<unknown>) =>
      work.then(
        () => 'none',
        (error: unknown) => (error instanceof WarehouseError ? [error.kind, error.retryable] : error),
      );
    const insert = (rows: string[]) => warehouse.insert({ ...IMAGE_RESULTS, rows, timeoutMs: 30_000 });
    const good = imageResultRow(result('a', ['dog']));
    expect(await kind(insert([good.replace('640', '"wide"')]))).toEqual(['data', false]);
    expect(await kind(insert([good.replace('["dog"]', '["dog","cat"]')]))).toEqual(['data', false]);
    expect(await kind(insert([good.replace('"detected"', '"sold"')]))).toEqual(['data', false]);
    expect(await kind(warehouse.query('SELEC 1'))).toEqual(['refused', false]);
    expect(await kind(warehouse.query('SELECT * FROM nowhere'))).toEqual(['refused', false]);
    expect(await kind(warehouse.insert({ ...IMAGE_RESULTS, table: 'x', rows: [good], timeoutMs: 30_000 }))).toEqual([
      'refused',
      false,
    ]);

    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const deaf = connectWarehouse(
      { ...account('penstock'), url: `http://127.0.0.1:${port}` },
      { retentionDays: 396, log },
    );
    expect(await kind(deaf.insert({ ...IMAGE_RESULTS, rows: [good], timeoutMs: 200 }))).toEqual(['unavailable', true]);
    silent.close();
    await deaf.close();
    const refused = connectWarehouse(
      { ...account('penstock'), url: 'http://127.0.0.1:1' },
      { retentionDays: 396, log },
    );
    expect(await kind(refused.query('SELECT 1'))).toEqual(['unavailable', true]);
    await refused.close();
  });
});

describe('rollups', () => {
  let warehouse: Warehouse;
  beforeEach(async () => {
    const database = freshDatabase();
    await migrate({ ...account(database), log });
    warehouse = open(database);
    return () => warehouse.close();
  });

  const expectExact = (): Promise<void> => expectExactRollups(warehouse);

  const rolledRows = async (): Promise<number> => {
    const [row] = await warehouse.query<{ rows: string }>('SELECT count() AS rows FROM image_rollups');
    return Number(row?.rows);
  };

  test('duplicates, late results, re-detections and vanished classes come out right', async () => {
    expect(await rollUp(warehouse)).toMatchObject({ hours: 0 });
    await store(warehouse, result('a', ['dog', 'dog', 'cat']), result('b', []), result('c', ['dog']));
    await store(warehouse, result('a', ['dog', 'dog', 'cat']), result('z', ['dog'], { bucket: 'other' }));
    await store(warehouse, result('d', [], { status: 'dead', reason: 'GONE' }));
    await store(warehouse, result('old', ['cat'], { uploadedAtMs: UPLOADED - 40 * 24 * HOUR }));
    expect((await rollUp(warehouse)).hours).toBe(2);
    await expectExact();
    expect(
      await warehouse.query(
        'SELECT images, dead, detections FROM images_hourly WHERE bucket = {b:String} ORDER BY hour DESC LIMIT 1',
        {
          b: 'photos',
        },
      ),
    ).toEqual([{ images: '4', dead: '1', detections: '4' }]);

    await store(warehouse, result('a', ['bird'], { detectedAtMs: UPLOADED + 5_000 }));
    await store(warehouse, result('d', ['dog'], { detectedAtMs: UPLOADED + 5_000 }));
    await rollUp(warehouse);
    await expectExact();
  });

  test('a pass over unchanged hours writes nothing, and none are touched once they are 10 minutes behind', async () => {
    await store(warehouse, result('a', ['dog']));
    const { watermark } = await rollUp(warehouse);
    const rows = await rolledRows();
    expect((await rollUp(warehouse)).hours).toBe(1);
    expect(await rolledRows()).toBe(rows);
    await rollUp(warehouse, { now: new Date(watermark.getTime() + 11 * 60_000) });
    expect((await rollUp(warehouse, { now: new Date(watermark.getTime() + 12 * 60_000) })).hours).toBe(0);
    await store(warehouse, result('late', ['dog']));
    await rollUp(warehouse, { now: new Date(watermark.getTime() + 12 * 60_000) });
    expect(await rolledRows()).toBe(rows);
    // Stored by a clock behind the watermark: the daily comparison finds it.
    expect((await verifyRollups(warehouse)).hours).toBe(1);
    await expectExact();
  });

  test('a pass that goes on after another try computes what is left of it, and leaves the rest to the next', async () => {
    const days = Array.from({ length: 9 }, (_, day) => UPLOADED - day * 24 * HOUR);
    await store(warehouse, ...days.map((uploadedAtMs, day) => result(`${day}`, ['dog'], { uploadedAtMs })));
    const dying = new AbortController();
    const steps: RollupProgress[] = [];
    const onStep = (progress: RollupProgress): void => {
      steps.push(progress);
      dying.abort();
    };
    await expect(rollUp(warehouse, { signal: dying.signal, onStep })).rejects.toThrow();
    const [first] = steps;
    if (!first) throw new Error('no step was taken');
    const rows = await rolledRows();
    const again: RollupProgress[] = [];
    const { watermark } = await rollUp(warehouse, {
      now: new Date(first.beganAt),
      doneThrough: first.doneThrough,
      onStep: (progress) => again.push(progress),
    });
    expect([rows, again.length]).toEqual([3, 2]);
    expect(watermark.getTime()).toBe(first.beganAt);
    await expectExact();
  });

  test('passes that run at once, and passes that die in the middle, leave the right numbers', async () => {
    const hours = Array.from({ length: 60 }, (_, hour) => hour);
    await store(
      warehouse,
      ...hours.map((hour) => result(`h${hour}`, ['dog'], { uploadedAtMs: UPLOADED - hour * HOUR })),
    );
    const dying = new AbortController();
    await expect(rollUp(warehouse, { signal: dying.signal, onStep: () => dying.abort() })).rejects.toThrow();
    expect(await rolledRows()).toBe(3);
    const writing = (async () => {
      for (let n = 0; n < 20; n += 1) await store(warehouse, result(`n${n}`, ['cat'], { detectedAtMs: UPLOADED + n }));
    })();
    await Promise.all([writing, ...Array.from({ length: 5 }, () => rollUp(warehouse))]);
    await rollUp(warehouse);
    await expectExact();
  });

  test('a key that has vanished from the base is gone from the rollups', async () => {
    await store(warehouse, result('a', ['dog']), result('b', ['cat'], { bucket: 'other' }));
    await rollUp(warehouse);
    await warehouse.command("DELETE FROM image_results WHERE bucket = 'other'");
    await verifyRollups(warehouse);
    await expectExact();
    expect(await warehouse.query('SELECT DISTINCT bucket FROM images_hourly')).toEqual([{ bucket: 'photos' }]);
  });

  test('hours that TTL has begun to eat keep their numbers', async () => {
    const aged = Date.now() - 395.5 * 24 * HOUR;
    await store(warehouse, result('a', ['dog'], { uploadedAtMs: aged }), result('b', ['dog'], { uploadedAtMs: aged }));
    const before = { now: new Date(Date.now() - 2 * 24 * HOUR) };
    expect((await rollUp(warehouse, before)).hours).toBe(1);
    await warehouse.command("DELETE FROM image_results WHERE object = 'a'");
    expect((await rollUp(warehouse)).hours).toBe(0);
    expect((await verifyRollups(warehouse)).hours).toBe(0);
    expect(await warehouse.query('SELECT images FROM images_hourly')).toEqual([{ images: '2' }]);
  });
});

describe('versions of a model', () => {
  let warehouse: Warehouse;
  beforeEach(async () => {
    const database = freshDatabase();
    await migrate({ ...account(database), log });
    warehouse = open(database);
    return () => warehouse.close();
  });

  const [A, B, C] = ['shapes@aaaa', 'shapes@bbbb', 'shapes@cccc'];
  const by = (model: string, object: string, classes: readonly string[], fields: Partial<ImageResult> = {}) =>
    result(object, classes, { model, ...fields });
  const dead = (model: string, object: string, fields: Partial<ImageResult> = {}) =>
    by(model, object, [], { status: 'dead', reason: 'GONE', ...fields });
  /** What each image shows: `object model status`. */
  const shown = async (): Promise<string[]> => {
    const rows = await warehouse.query<{ row: string }>(
      "SELECT concat(object, ' ', model, ' ', status) AS row FROM images ORDER BY object, model",
    );
    return rows.map(({ row }) => row);
  };
  const boxes = (): Promise<object[]> =>
    warehouse.query('SELECT object, model, class FROM detections ORDER BY object, class');
  const totals = async (): Promise<object | undefined> => {
    const [row] = await warehouse.query<object>(
      `SELECT (SELECT count() FROM images) AS images,
         (SELECT uniqExact(bucket, object, generation) FROM image_results) AS distinct,
         (SELECT sum(images) FROM images_hourly) AS hourly, (SELECT sum(detections) FROM images_hourly) AS boxes`,
    );
    return row;
  };

  test('an image that two versions have seen is one row, the later version’s, and one box is not two', async () => {
    await store(warehouse, by(A, 'old', ['dog']), by(A, 'both', ['dog', 'cat']));
    await store(warehouse, by(B, 'both', ['dog']), by(B, 'new', ['dog']));
    // What a detector of the old version finds late, or again, changes nothing.
    await store(warehouse, by(A, 'both', ['dog', 'cat'], { detectedAtMs: UPLOADED + 60_000 }), by(A, 'old', ['dog']));
    await rollUp(warehouse);
    for (const merged of [false, true]) {
      if (merged) await warehouse.command('OPTIMIZE TABLE image_results FINAL');
      expect(await shown()).toEqual([`both ${B} detected`, `new ${B} detected`, `old ${A} detected`]);
      expect(await boxes()).toEqual([
        { object: 'both', model: B, class: 'dog' },
        { object: 'new', model: B, class: 'dog' },
        { object: 'old', model: A, class: 'dog' },
      ]);
      expect(await warehouse.query('SELECT object, model FROM images_all_versions ORDER BY object, model')).toEqual([
        { object: 'both', model: A },
        { object: 'both', model: B },
        { object: 'new', model: B },
        { object: 'old', model: A },
      ]);
    }
    expect(await totals()).toEqual({ images: '3', distinct: '3', hourly: '3', boxes: '3' });
    await expectExactRollups(warehouse);
  });

  test('another name is another model, and one whose name begins alike', async () => {
    await store(warehouse, by(A, 'a', ['dog']), by('shapes-2@bbbb', 'a', ['dog']), by('cars@aaaa', 'a', ['car']));
    expect(await warehouse.query('SELECT model, model_name FROM images ORDER BY model')).toEqual([
      { model: 'cars@aaaa', model_name: 'cars' },
      { model: 'shapes-2@bbbb', model_name: 'shapes-2' },
      { model: A, model_name: 'shapes' },
    ]);
  });

  test('a version that fails erases no boxes of another, and of two deaths the later version’s shows', async () => {
    await store(warehouse, by(A, 'a', ['dog']), dead(A, 'b'), dead(A, 'c'));
    await store(warehouse, dead(B, 'a', { detectedAtMs: UPLOADED + 9_000 }), dead(B, 'b'), by(B, 'c', []));
    expect(await shown()).toEqual([`a ${A} detected`, `b ${B} dead`, `c ${B} detected`]);
    await setModelPins(warehouse, new Map([['shapes', 'aaaa']]));
    expect(await shown()).toEqual([`a ${A} detected`, `b ${A} dead`, `c ${B} detected`]);
    await rollUp(warehouse);
    expect(await totals()).toEqual({ images: '3', distinct: '3', hourly: '3', boxes: '1' });
    await expectExactRollups(warehouse);
  });

  test('the results of an image begin with the detection that images shows, else with the latest', async () => {
    await store(warehouse, by(A, 'a', ['dog']), by(A, 'b', ['dog']), dead(A, 'c'));
    await store(warehouse, dead(B, 'a', { detectedAtMs: UPLOADED + 9_000 }), by(B, 'b', ['cat']), dead(B, 'c'));
    const models = async (object: string) =>
      (await resultsOf(warehouse, { bucket: 'photos', object }, 9)).map(({ model }) => model);
    await store(warehouse, dead(A, 'c', { detectedAtMs: UPLOADED + 9_000 }));
    expect([await models('a'), (await models('b'))[0], await models('c')]).toEqual([[A, B], B, [A, B]]);
    await setModelPins(warehouse, new Map([['shapes', 'aaaa']]));
    expect(await models('b')).toEqual([A, B]);
    expect(await storedRate(warehouse, 5)).toBeCloseTo(3 / 300);
  });

  test('of three versions the latest shows, and a new one changes nothing for images that it has not seen', async () => {
    await store(warehouse, by(A, 'a', ['dog']), by(A, 'b', ['dog']), by(A, 'c', ['dog']));
    await store(warehouse, by(B, 'b', ['cat']), by(B, 'c', ['cat']));
    // The old version is the last to have looked at b.
    await store(warehouse, by(A, 'b', ['dog'], { detectedAtMs: UPLOADED + 60_000 }));
    await rollUp(warehouse);
    await store(warehouse, by(C, 'c', ['bird', 'bird']));
    expect(await shown()).toEqual([`a ${A} detected`, `b ${B} detected`, `c ${C} detected`]);
    await rollUp(warehouse);
    expect(await totals()).toEqual({ images: '3', distinct: '3', hourly: '3', boxes: '4' });
    await expectExactRollups(warehouse);
  });

  test('a pin brings an older version back at once, the rollups follow with the next pass, and a pin can be taken away', async () => {
    const rows = ['a', 'b', 'c'];
    await store(warehouse, ...rows.map((object) => by(A, object, ['dog'])));
    await store(warehouse, ...rows.slice(0, 2).map((object) => by(B, object, ['cat', 'cat'])));
    const later = async (minutes: number) => {
      const now = new Date(Date.now() + minutes * 60_000);
      return { hours: (await rollUp(warehouse, { now })).hours, ...(await totals()) };
    };
    const counts = { images: '3', distinct: '3', hourly: '3' };
    // Beyond the overlap no row is new: nothing but the pin makes a pass look at the hour.
    await rollUp(warehouse, { now: new Date(Date.now() + 11 * 60_000) });
    expect(await later(12)).toEqual({ hours: 0, ...counts, boxes: '5' });

    expect(await setModelPins(warehouse, new Map([['shapes', 'aaaa']]))).toEqual([{ name: 'shapes', model: A }]);
    expect(await setModelPins(warehouse, new Map([['shapes', 'aaaa']]))).toEqual([]);
    expect(await shown()).toEqual([`a ${A} detected`, `b ${A} detected`, `c ${A} detected`]);
    expect(await later(13)).toEqual({ hours: 1, ...counts, boxes: '3' });
    await expectExactRollups(warehouse);
    expect(await warehouse.query('SELECT DISTINCT model FROM images_hourly')).toEqual([{ model: A }]);
    expect(await later(14)).toEqual({ hours: 0, ...counts, boxes: '3' });

    expect(await setModelPins(warehouse, new Map())).toEqual([{ name: 'shapes', model: '' }]);
    expect(await shown()).toEqual([`a ${B} detected`, `b ${B} detected`, `c ${A} detected`]);
    // The daily comparison would find it too.
    await verifyRollups(warehouse);
    expect(await totals()).toEqual({ ...counts, boxes: '5' });
    await expectExactRollups(warehouse);
  });

  test('a pin that changes between two tries of a pass is left to the next pass', async () => {
    const days = Array.from({ length: 5 }, (_, day) => UPLOADED - day * 24 * HOUR);
    for (const [model, classes] of [
      [A, ['dog']],
      [B, ['cat', 'cat']],
    ] as const)
      await store(warehouse, ...days.map((uploadedAtMs, day) => by(model, `${day}`, classes, { uploadedAtMs })));
    // Beyond the overlap no row is new: only the pin makes a pass look at these hours.
    const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);
    await rollUp(warehouse, { now: minutes(11) });
    await setModelPins(warehouse, new Map([['shapes', 'aaaa']]));
    const dying = new AbortController();
    let first: RollupProgress | undefined;
    const onStep = (progress: RollupProgress): void => {
      first ??= progress;
      dying.abort();
    };
    await expect(rollUp(warehouse, { now: minutes(12), signal: dying.signal, onStep })).rejects.toThrow();
    if (!first) throw new Error('no step was taken');
    await setModelPins(warehouse, new Map([['shapes', 'bbbb']]));
    await rollUp(warehouse, { ...first, now: new Date(first.beganAt) });
    await rollUp(warehouse, { now: minutes(13) });
    expect(await totals()).toEqual({ images: '5', distinct: '5', hourly: '5', boxes: '10' });
    await expectExactRollups(warehouse);
  });

  test('an image that was refused before a detector had it belongs to its model, and any version’s row comes first', async () => {
    const refused = { reason: 'EXPIRED' as const, detectedAtMs: UPLOADED + 60_000 };
    await store(warehouse, dead('shapes', 'a', refused), dead('shapes', 'b', refused), dead('shapes', 'c', refused));
    expect(await shown()).toEqual(['a shapes dead', 'b shapes dead', 'c shapes dead']);
    await rollUp(warehouse);
    await store(warehouse, by(A, 'a', ['dog']), dead(A, 'b'));
    await setModelPins(warehouse, new Map([['shapes', 'bbbb']]));
    expect(await shown()).toEqual([`a ${A} detected`, `b ${A} dead`, 'c shapes dead']);
    await rollUp(warehouse);
    expect(await totals()).toEqual({ images: '3', distinct: '3', hourly: '3', boxes: '1' });
    await expectExactRollups(warehouse);
  });

  test('every answer counts each image once while two versions write, duplicates among them, and so do the rollups', async () => {
    const rounds = Array.from({ length: 12 }, (_, round) => round);
    const objects = (round: number): string[] => Array.from({ length: 40 }, (_, n) => `r${round}-${n}`);
    let isWriting = true;
    const write = async (model: string): Promise<void> => {
      for (const round of rounds) {
        await store(warehouse, ...objects(round).map((object) => by(model, object, ['dog'])));
        await store(warehouse, ...objects(round).map((object) => by(model, object, ['dog'])));
      }
    };
    const read = async (): Promise<number> => {
      let reads = 0;
      for (; isWriting; reads += 1) {
        const [counts] = await warehouse.query<{ rows: string; images: string }>(
          'SELECT count() AS rows, uniqExact(object) AS images FROM images',
        );
        const [found] = await warehouse.query<{ rows: string; images: string }>(
          'SELECT count() AS rows, uniqExact(object) AS images FROM detections',
        );
        expect([counts?.rows, found?.rows]).toEqual([counts?.images, found?.images]);
        await rollUp(warehouse);
      }
      return reads;
    };
    const reading = Promise.all([read(), read()]);
    await Promise.all([write(A), write(B)]).finally(() => (isWriting = false));
    expect(Math.min(...(await reading))).toBeGreaterThan(2);
    await rollUp(warehouse);
    expect(await totals()).toEqual({ images: '480', distinct: '480', hourly: '480', boxes: '480' });
    await expectExactRollups(warehouse);
  });
});
