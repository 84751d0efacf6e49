import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CRC32C, type Bucket } from '@google-cloud/storage';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { cut, drip, half, startFaultyStorage, status, zeros, type Fault, type FaultyStorage } from './faultyStorage.js';
import { startMemoryStorage, type MemoryStorage } from './memoryStorage.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { residentMb, startRole, type RoleProcess } from './roleProcess.js';

/**
 * A storage that fails, between a detector of its own model and an emulator; events go by the real intake, broker,
 * dispatcher, Temporal, sink and tables. One lane of one partition, so that all is one batch.
 */

const LANE = 'storage-faults';
const MODEL = 'shapes-faults';
/** A bucket of this run alone, as tests may run again on a stack that is kept. */
const BUCKET = `storage-faults-${randomUUID().slice(0, 8)}`;
const ATTEMPTS = 3;
const TIMEOUT_MS = 3_000;
const MAX_BYTES = 20_000_000;
const GOOD = 12;
const shapes = fileURLToPath(new URL('../../models/shapes', import.meta.url));
const { jpeg } = await scene(1);
const { jpeg: other } = await scene(2);

let storage: MemoryStorage;
let faulty: FaultyStorage;
let bucket: Bucket;
let modelDir: string;
let detector: RoleProcess;
let intake: RoleProcess;
const roles: RoleProcess[] = [];

beforeAll(async () => {
  modelDir = await mkdtemp(join(tmpdir(), 'penstock-model-'));
  await cp(shapes, modelDir, { recursive: true });
  const yaml = await readFile(join(modelDir, 'model.yaml'), 'utf8');
  await writeFile(join(modelDir, 'model.yaml'), yaml.replace(/^name: .*$/m, `name: ${MODEL}`));
  storage = await startMemoryStorage(BUCKET);
  faulty = await startFaultyStorage(storage.address);
  bucket = storage.storage.bucket(BUCKET);
  const lanes = {
    PENSTOCK_LANES: `${LANE},${LANE}-express`,
    PENSTOCK_DEFAULT_LANE: LANE,
    PENSTOCK_EXPRESS_LANE: `${LANE}-express`,
    PENSTOCK_KAFKA_PARTITIONS: '1',
    PENSTOCK_DEFAULT_MODEL: MODEL,
  };
  const starts = [
    startRole('intake', lanes),
    startRole('dispatcher', {
      ...lanes,
      PENSTOCK_BATCH_LINGER_MS: '2000',
      PENSTOCK_DETECT_ATTEMPTS: String(ATTEMPTS),
    }),
    startRole('detector', {
      PENSTOCK_GCS_ENDPOINT: faulty.endpoint,
      PENSTOCK_MODEL_DIR: modelDir,
      PENSTOCK_DETECT_CHILDREN: '1',
      PENSTOCK_IMAGE_TIMEOUT_MS: String(TIMEOUT_MS),
      PENSTOCK_IMAGE_MAX_BYTES: String(MAX_BYTES),
    }),
  ] as const;
  for (const start of starts) void start.then((role) => roles.push(role));
  [intake, , detector] = await Promise.all(starts);
});

afterAll(async () => {
  await Promise.all(roles.map((role) => role.stop()));
  await faulty.close();
  await storage.stop();
  await rm(modelDir, { recursive: true, force: true });
});

/** Stores a picture and gives its generation. */
async function store(object: string, bytes: Buffer, options: { gzip?: boolean } = {}): Promise<string> {
  const file = bucket.file(object);
  await file.save(bytes, { resumable: false, metadata: { contentType: 'image/jpeg' }, ...options });
  return String(file.metadata.generation);
}

/** One event as Cloud Storage publishes it; with the payload format NONE there is no size, and no content type. */
async function post(object: string, generation: string, options: { size?: string; payload?: 'NONE' } = {}) {
  const timeCreated = new Date().toISOString();
  const resource = { bucket: BUCKET, name: object, generation, timeCreated, contentType: 'image/jpeg' };
  const { size, payload = 'JSON_API_V1' } = options;
  const message = {
    messageId: randomUUID(),
    attributes: {
      eventType: 'OBJECT_FINALIZE',
      payloadFormat: payload,
      bucketId: BUCKET,
      objectId: object,
      objectGeneration: generation,
      eventTime: timeCreated,
    },
    ...(payload === 'NONE'
      ? {}
      : { data: Buffer.from(JSON.stringify({ ...resource, ...(size ? { size } : {}) })).toString('base64') }),
  };
  const response = await fetch(`${intake.address}/events/pubsub`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, subscription: 's' }),
  });
  expect(response.status).toBe(200);
}

interface Row {
  object: string;
  generation: string;
  status: string;
  reason: string;
  detail: string;
  attempts: number;
  workflow_id: string;
  classes: string;
}

const rows = (prefix: string): Promise<Row[]> =>
  select<Row>(
    `SELECT object, toString(generation) AS generation, status, reason, detail, attempts, workflow_id
     FROM images WHERE bucket = '${BUCKET}' AND startsWith(object, '${prefix}')`,
  );

async function classesOf(object: string): Promise<string[]> {
  const found = await select<{ class: string }>(
    `SELECT class FROM detections WHERE bucket = '${BUCKET}' AND object = '${object}' ORDER BY class`,
  );
  return found.map((row) => row.class);
}

/** Good pictures among the others: a batch that holds both. */
async function postAll(prefix: string, objects: string[]): Promise<void> {
  const good = Array.from({ length: GOOD }, (_, index) => `${prefix}good-${index}.jpg`);
  const generations = await Promise.all([...good, ...objects].map((object) => store(object, jpeg)));
  await Promise.all([...good, ...objects].map((object, index) => post(object, generations[index] ?? '')));
}

/** The rows of a prefix once there are so many, by what follows it. Good ones come first, and are all detected. */
async function settled(prefix: string, others: number): Promise<Map<string, Row>> {
  const isGood = ({ object, status: is }: Row): boolean => object.includes('good-') && is === 'detected';
  await eventually(
    () => rows(prefix),
    (all) => all.filter(isGood).length === GOOD,
    30_000,
  );
  const all = await eventually(
    () => rows(prefix),
    (found) => found.length >= GOOD + others,
    90_000,
  );
  expect(all).toHaveLength(GOOD + others);
  return new Map(all.map((row) => [row.object.slice(prefix.length), row]));
}

describe('a storage that fails', () => {
  const crc = new CRC32C();
  crc.update(jpeg);
  const ONCE: Partial<Row> = { status: 'detected', attempts: 1 };
  /** A detector that is starved of CPU may lose a round, which costs no attempt. */
  const AGAIN: Partial<Row> = {
    status: 'detected',
    attempts: expect.toSatisfy((tries: number) => tries > 1) as number,
  };
  const cases: [string, Fault, number, Partial<Row>][] = [
    ['403-clears.jpg', status(403), 2, AGAIN],
    ['429-clears.jpg', status(429, { 'retry-after': '0' }), 4, AGAIN],
    ['429-waits.jpg', status(429, { 'retry-after': '60' }), 1, AGAIN],
    ['503-blinks.jpg', status(503), 1, ONCE],
    ['half-once.jpg', half(jpeg), 1, AGAIN],
    ['403.jpg', status(403), Infinity, { reason: 'FORBIDDEN', attempts: ATTEMPTS }],
    ['429.jpg', status(429), Infinity, { reason: 'DOWNLOAD_FAILED', attempts: ATTEMPTS }],
    ['500.jpg', status(500), Infinity, { reason: 'DOWNLOAD_FAILED', attempts: ATTEMPTS }],
    ['503.jpg', status(503), Infinity, { reason: 'DOWNLOAD_FAILED', attempts: ATTEMPTS }],
    ['half.jpg', half(jpeg), Infinity, { reason: 'DOWNLOAD_FAILED', attempts: ATTEMPTS }],
    ['cut.jpg', cut(jpeg, crc.toString()), Infinity, { reason: 'DOWNLOAD_FAILED', attempts: ATTEMPTS }],
    ['redirect.jpg', status(302, { location: '/elsewhere' }), Infinity, { reason: 'DOWNLOAD_FAILED' }],
    ['page.jpg', status(200, {}, '<html>Sign in</html>'), Infinity, { reason: 'DOWNLOAD_FAILED' }],
    ['drip.jpg', drip, Infinity, { reason: 'DOWNLOAD_TIMEOUT', attempts: ATTEMPTS }],
    ['endless.jpg', zeros(Infinity, false), Infinity, { reason: 'TOO_LARGE' }],
  ];

  it('costs attempts or the image, each by its reason, never its neighbours, and no connection stays', async () => {
    const prefix = 'faults/';
    for (const [name, fault, times] of cases) faulty.fail(`${prefix}${name}`, fault, times);
    const packed = await store(`${prefix}packed.jpg`, jpeg, { gzip: true });
    const failing = cases.map(([name]) => `${prefix}${name}`);
    await Promise.all([post(`${prefix}packed.jpg`, packed), postAll(prefix, failing)]);
    const found = await settled(prefix, cases.length + 1);
    for (const [name, , , expected] of cases)
      expect([name, found.get(name)]).toEqual([name, expect.objectContaining({ status: 'dead', ...expected })]);
    expect(found.get('packed.jpg')).toMatchObject({ status: 'detected', attempts: 1 });
    expect(await classesOf(`${prefix}packed.jpg`)).toEqual(await classesOf(`${prefix}good-0.jpg`));
    // The batch that held both says so: an operator may retry what is dead for a passing reason.
    const workflowId = found.get('403.jpg')?.workflow_id ?? '';
    const beside = [...found.values()].filter((row) => row.workflow_id === workflowId && row.object.includes('good-'));
    expect(beside.length).toBeGreaterThan(0);
    const connection = await Connection.connect({ address: (await endpointsNow()).temporal });
    try {
      const { workflow } = new Client({ connection });
      const ended = await eventually(
        () => workflow.getHandle(workflowId).describe(),
        ({ status: is }) => is.name !== 'RUNNING',
        20_000,
      );
      expect(ended.status.name).toBe('FAILED');
    } finally {
      await connection.close();
    }
    expect(faulty.served(`${prefix}503.jpg`).requests).toBe(3 * ATTEMPTS);
    await eventually(
      () => Promise.resolve(faulty.open()),
      (open) => open === 0,
      5_000,
    );
  });

  it('is not read whole for an object of 300 MB, whether its event tells the size, tells another, or tells none', async () => {
    const prefix = 'large/';
    const names = ['told.jpg', 'lies.jpg', 'untold.jpg', 'unannounced.jpg'].map((name) => `${prefix}${name}`);
    for (const name of names) faulty.fail(name, zeros(300_000_000, !name.includes('unannounced')));
    const before = await residentMb(detector.pid);
    await post(names[0] ?? '', '1', { size: '300000000' });
    await post(names[1] ?? '', '1', { size: '7' });
    for (const name of names.slice(2)) await post(name, '1', { payload: 'NONE' });
    await postAll(prefix, []);
    let most = before;
    const all = await eventually(
      async () => {
        most = Math.max(most, await residentMb(detector.pid));
        return rows(prefix);
      },
      (found) => found.length >= GOOD + names.length,
      60_000,
    );
    for (const row of all)
      expect(row).toMatchObject(row.object.includes('good-') ? { status: 'detected' } : { reason: 'TOO_LARGE' });
    // What is announced is refused before it is read: the bytes are those that the two systems' buffers took.
    for (const name of names.slice(0, 3)) expect(faulty.served(name).bytes).toBeLessThan(10_000_000);
    // The limit, and buffers.
    const { bytes, requests } = faulty.served(names[3] ?? '');
    expect(bytes / requests).toBeLessThan(MAX_BYTES + 10_000_000);
    expect(most - before).toBeLessThan(150);
  });

  it('never gives the boxes of another generation when an object goes or changes between event and read', async () => {
    const prefix = 'changed/';
    const names = ['deleted.jpg', 'replaced.jpg', 'ignored.jpg', 'read-then-deleted.jpg'];
    const [deleted = '', replaced = '', ignored = '', later = ''] = names.map((name) => `${prefix}${name}`);
    faulty.fail(deleted, async (_response, go) => {
      await bucket.file(deleted).delete();
      go();
    });
    faulty.fail(
      replaced,
      async (_response, go) => {
        await store(replaced, other);
        go();
      },
      1,
    );
    // A storage that does not look at the generation that is asked for.
    faulty.fail(ignored, async (_response, go) => {
      await store(ignored, other);
      go(`/storage/v1/b/${BUCKET}/o/${encodeURIComponent(ignored)}?alt=media`);
    });
    faulty.fail(later, (response, go) => {
      response.on('finish', () => void bucket.file(later).delete());
      go();
    });
    await postAll(prefix, [deleted, replaced, ignored, later]);
    const found = await settled(prefix, names.length);
    expect(found.get('deleted.jpg')).toMatchObject({ status: 'dead', reason: 'GONE', attempts: 1 });
    expect(found.get('replaced.jpg')).toMatchObject({ status: 'dead', reason: 'GONE', attempts: 1 });
    expect(found.get('ignored.jpg')).toMatchObject({ status: 'dead', reason: 'DOWNLOAD_FAILED' });
    expect(found.get('read-then-deleted.jpg')).toMatchObject({ status: 'detected' });
    for (const object of [deleted, replaced, ignored]) expect(await classesOf(object)).toEqual([]);
    expect(await classesOf(later)).toEqual(await classesOf(`${prefix}good-0.jpg`));
  });

  it('detects objects with names as long, and as odd, as Google takes them', async () => {
    const prefix = 'long/';
    /** Of exactly so many bytes, in one segment below the prefix. */
    const nameOf = (unit: string, bytes: number): string => {
      const units = Math.floor((bytes - prefix.length) / Buffer.byteLength(unit));
      const name = prefix + unit.repeat(units);
      return name + 'x'.repeat(bytes - Buffer.byteLength(name));
    };
    const names = [nameOf('l', 1_000), ...['l', 'ü', '猫', '😀'].map((unit) => nameOf(unit, 1_024))];
    names.push(`${prefix}a\u0000b\u0001.jpg`);
    await postAll(prefix, names);
    const found = await settled(prefix, names.length);
    for (const name of names) expect(found.get(name.slice(prefix.length))).toMatchObject({ status: 'detected' });
  });
});
