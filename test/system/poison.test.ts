import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { BatchStarter } from '../../src/client/index.js';
import { imageEventsTopic, type DetectBatchInput } from '../../src/domain/index.js';
import { loadConfig } from '../../src/config/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createProducer } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { Fleet } from './fleet.js';
import { bucketOf, endpointsNow, eventually, forEachBounded, imageCounts, select } from './pipeline.js';
import { recordHistory } from './recordHistory.js';
import { startRole, type RoleProcess } from './roleProcess.js';

/** Words that the double of the decoder dies of; a picture is whole with anything behind its end. */
const POISON = Buffer.from('POISON: this picture kills its child process');
const KILLER = Buffer.from('KILLER: this picture kills its detector');
const DOUBLE = new URL('poison/double.mjs', import.meta.url).href;
const SHAPES = fileURLToPath(new URL('../../models/shapes', import.meta.url));

const { jpeg } = await scene(7);
let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.connect();
});
afterAll(() => fleet.temporal.connection.close());

interface OwnModel {
  model: string;
  /** Of a detector that serves it. */
  environment: Record<string, string>;
}

/** The default model under a name that no other detector serves: the tests run side by side. */
async function ownModel(onTestFinished: TestContext['onTestFinished']): Promise<OwnModel> {
  const model = `poisoned-${randomUUID().slice(0, 8)}`;
  const dir = await mkdtemp(join(tmpdir(), 'penstock-poison-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(SHAPES, dir, { recursive: true });
  const settings = await readFile(join(SHAPES, 'model.yaml'), 'utf8');
  await writeFile(join(dir, 'model.yaml'), settings.replace(/^name: .*$/m, `name: ${model}`));
  const environment = {
    ...{ PENSTOCK_MODEL_DIR: dir, PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'info' },
    NODE_OPTIONS: `--import=${DOUBLE}`,
  };
  return { model, environment };
}

interface Picture {
  bucket: string;
  object: string;
  generation: string;
}

/** Uploads so many good pictures, but for those that end with a word; tells nobody. */
async function upload(prefix: string, images: number, words: ReadonlyMap<number, Buffer>): Promise<Picture[]> {
  const endpoints = await endpointsNow();
  const bucket = await bucketOf(endpoints);
  const pictures: Picture[] = [];
  await forEachBounded([...Array(images).keys()], 8, async (index) => {
    const file = bucket.file(`${prefix}${index}.jpg`);
    const bytes = Buffer.concat([jpeg, words.get(index) ?? Buffer.alloc(0)]);
    await file.save(bytes, { resumable: false, metadata: { contentType: 'image/jpeg' } });
    pictures[index] = { bucket: endpoints.bucket, object: file.name, generation: String(file.metadata.generation) };
  });
  return pictures;
}

/** The records that intake would write of them. */
async function enqueue(model: string, pictures: readonly Picture[]): Promise<void> {
  const config = loadConfig(roleEnvironment(await endpointsNow()));
  const producer = await createProducer({
    config,
    log: createLogger('test', 'silent'),
    metrics: createMetrics('test'),
  });
  const now = Date.now();
  const records = pictures.map((picture) => ({
    key: `${picture.bucket}/${picture.object}`,
    value: JSON.stringify({ v: 1, id: randomUUID(), ...picture, model, uploadedAtMs: now, receivedAtMs: now }),
  }));
  await producer.send(imageEventsTopic('bulk'), records);
  await producer.close();
}

interface Row {
  object: string;
  status: string;
  reason: string;
  attempts: number;
  workflow_id: string;
}

async function rowsOf(prefix: string, images: number, withinMs: number): Promise<Row[]> {
  await eventually(
    () => imageCounts(prefix),
    ({ rows }) => rows >= images,
    withinMs,
  );
  return select<Row>(
    `SELECT object, status, reason, attempts, workflow_id FROM images WHERE startsWith(object, '${prefix}')`,
  );
}

const dead = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ object, status, reason }) => (status === 'detected' ? [] : [`${object}: ${reason}`])).sort();

describe.concurrent('a picture that kills the process that decodes it', () => {
  it(
    'costs the child processes it kills, and no image of the batches in flight',
    { timeout: 180_000 },
    async (test) => {
      const { model, environment } = await ownModel(test.onTestFinished);
      const images = 64;
      const prefix = `poison-${randomUUID()}/`;
      const poisons = [9, 40];
      const pictures = await upload(prefix, images, new Map(poisons.map((index) => [index, POISON])));
      await enqueue(model, pictures);
      const detector = await startRole('detector', environment);
      test.onTestFinished(() => detector.stop());
      const rows = await rowsOf(prefix, images, 120_000);

      expect(dead(rows)).toEqual(poisons.map((index) => `${prefix}${index}.jpg: POISON`).sort());
      expect(await imageCounts(prefix)).toMatchObject({ rows: images, keys: images });
      // Neighbours have used up no attempt, and there were some.
      expect(new Set(rows.map(({ attempts }) => attempts))).toEqual(new Set([1]));
      expect(new Set(rows.map((row) => row.workflow_id)).size).toBeGreaterThan(1);

      // The detector stayed up; each poison killed a child among others, and one when it was alone.
      expect((await fetch(`${detector.address}/readyz`)).status).toBe(200);
      const ended = lines(detector, 'child ended');
      const kills = ended.filter(({ signal }) => signal === 'SIGSEGV').length;
      expect(kills).toBeGreaterThan(poisons.length);
      expect(kills).toBeLessThanOrEqual(2 * poisons.length);
      // One serves in the end. A child is started in place of each that was killed, and at most one for each suspect.
      const suspects = ended.reduce((sum, { inside }) => sum + Number(inside), 0);
      expect(suspects).toBeGreaterThan(kills);
      expect(ended.length + 1).toBeLessThanOrEqual(1 + 2 * kills);
      expect(await childDeaths(detector)).toBe(kills);
    },
  );
});

describe.concurrent('a picture that kills its detector as a whole', () => {
  it(
    'is alone once three detectors were lost under its batch, and only it is dead',
    { timeout: 240_000 },
    async (test) => {
      const { model, environment } = await ownModel(test.onTestFinished);
      const images = 8;
      const prefix = `killer-${randomUUID()}/`;
      const pictures = await upload(prefix, images, new Map([[3, KILLER]]));
      const starter = new BatchStarter(fleet.temporal.client);
      const workflowId = `detect/test/${prefix}`;
      const memo = { firstOffset: '0', lastOffset: String(images - 1), eventsHash: 'ab'.repeat(32) };
      await starter.start({ workflowId, input: batchOf(model, pictures), memo });
      const supervisor = superviseDetector(environment);
      test.onTestFinished(() => supervisor.stop());
      const handle = fleet.temporal.client.workflow.getHandle(workflowId);
      await expect(handle.result()).rejects.toMatchObject({
        cause: { message: '1 dead (1 WORKER_LOST) of 8 images; an operator may retry them' },
      });
      expect(dead(await rowsOf(prefix, images, 30_000))).toEqual([`${prefix}3.jpg: WORKER_LOST`]);
      expect(await imageCounts(prefix)).toMatchObject({ rows: images, keys: images });
      // Three under the whole batch, one under the killer alone.
      expect(supervisor.killed()).toBe(4);
      await recordHistory('detectBatch.detector-killed', handle);
    },
  );
});

function batchOf(model: string, pictures: readonly Picture[]): DetectBatchInput {
  const now = Date.now();
  return {
    ...{ model, lane: 'bulk', topic: imageEventsTopic('bulk'), partition: 0, express: false, maxAttempts: 1 },
    ...{ firstOffset: '0', lastOffset: String(pictures.length - 1), buckets: [pictures[0]?.bucket ?? ''] },
    images: pictures.map(({ object, generation }) => [0, object, generation, now, now]),
  };
}

/** A detector that is started again when it is killed, as by any supervisor. */
function superviseDetector(environment: Record<string, string>): { stop: () => Promise<void>; killed: () => number } {
  let killed = 0;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    const role = await startRole('detector', environment, { mayWait: true });
    while (isAlive(role.pid) && !stopping.signal.aborted) await sleep(100);
    if (!isAlive(role.pid)) killed += 1;
    await role.stop();
    if (!stopping.signal.aborted) await run();
  };
  const running = run();
  return {
    killed: () => killed,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

/** What a role has logged with a message. */
function lines({ logged }: RoleProcess, message: string): Record<string, unknown>[] {
  return logged()
    .split('\n')
    .filter((line) => line.includes(`"${message}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function childDeaths({ address }: RoleProcess): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return Number(/^penstock_detector_child_deaths_total{[^}]*} (\S+)/m.exec(text)?.[1]);
}
