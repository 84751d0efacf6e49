import { randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBreaker, readBreakers } from '../../src/client/index.js';
import type { ImageReport } from '../../src/operations/index.js';
import { loadConfig } from '../../src/config/index.js';
import {
  BREAKER_WORKFLOW_ID,
  dispatcherGroup,
  HELD_LANE,
  imageEventsTopic,
  imageKey,
  type DetectImagesInput,
  type DetectImagesResult,
  type ImageEvent,
  type OpenBreaker,
} from '../../src/domain/index.js';
import { createProducer, readBacklog, type StreamProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { endpointsNow, eventually } from './pipeline.js';
import { penstock } from './program.js';
import { recordHistory } from './recordHistory.js';
import { detected, newModel, ScriptedDetectors, type ScriptedDetector } from './scriptedDetector.js';

const log = createLogger('test', 'silent');

/** Real broker, Temporal, dispatcher and orchestrator; a detector that a test can lock out of a bucket. */
let connection: Connection;
let client: Client;
let detectors: ScriptedDetectors;
let producer: StreamProducer;

beforeAll(async () => {
  const { temporal, kafka } = await endpointsNow();
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
  detectors = await ScriptedDetectors.connect(temporal);
  producer = await createProducer({ config: loadConfig({ PENSTOCK_KAFKA_BROKERS: kafka }), log });
});

afterAll(async () => {
  await detectors.close();
  await producer.close();
  await connection.close();
});

/** Buckets that answer 403, as the detector sees it. */
const locked = new Set<string>();

function answer(input: DetectImagesInput): DetectImagesResult {
  const retry = input.images.flatMap(([bucket], image) =>
    locked.has(input.buckets[bucket] ?? '')
      ? [{ image, reason: 'FORBIDDEN' as const, detail: '403 no objects.get' }]
      : [],
  );
  return detected(input, { retry });
}

async function accept(model: string, bucket: string, objects: readonly string[]): Promise<void> {
  const records = objects.map((object) => {
    const event: ImageEvent = {
      ...{ v: 1, id: randomUUID(), bucket, object, generation: '1', model },
      ...{ uploadedAtMs: Date.now(), receivedAtMs: Date.now() },
    };
    return { key: imageKey(event), value: JSON.stringify(event) };
  });
  await producer.send(imageEventsTopic('bulk'), records);
}

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `image-${from + index}.jpg`);

/** Objects of a bucket that the detector was given, from a call on. */
function given({ calls }: ScriptedDetector, bucket: string, from = 0): Set<string> {
  return new Set(
    calls
      .slice(from)
      .flatMap(({ images, buckets }) => images.flatMap(([of, object]) => (buckets[of] === bucket ? [object] : []))),
  );
}

const whereIs = async (name: string) => {
  const { code, report } = await penstock('image', name);
  return { code, report: report as ImageReport };
};

const openOf = async (bucket: string): Promise<OpenBreaker | undefined> =>
  (await readBreakers(client)).open.find((breaker) => breaker.bucket === bucket);

/** Has the dispatcher heard of it? Its own metric says so. */
const dispatcherHolds = (bucket: string) => async (): Promise<boolean> => {
  const { metrics } = await endpointsNow();
  const text = await (await fetch(metrics['dispatcher'] ?? '', { signal: AbortSignal.timeout(5_000) })).text();
  return text.includes(`bucket="${bucket}"`);
};

async function heldBacklog(): Promise<bigint> {
  const { kafka } = await endpointsNow();
  const backlogs = await readBacklog(loadConfig({ PENSTOCK_KAFKA_BROKERS: kafka }), log);
  return (
    backlogs.find(({ topic, group }) => topic === imageEventsTopic(HELD_LANE) && group === dispatcherGroup(HELD_LANE))
      ?.records ?? 0n
  );
}

/** Events of a workflow once it has added none for a second: it has done what its start asks of it. */
function lengthOnceQuiet(handle: WorkflowHandle): Promise<number> {
  let length = 0;
  let sinceMs = performance.now();
  return eventually(
    async () => {
      const { historyLength } = await handle.describe();
      if (historyLength !== length) sinceMs = performance.now();
      length = historyLength;
      return length;
    },
    () => performance.now() - sinceMs > 1_000,
    30_000,
  );
}

describe('the circuit breaker', () => {
  it('holds a bucket that may not be read, lets its neighbours go on, and gives all of it back, none dead', async () => {
    const model = newModel();
    const [bad, good] = [`${model}-locked`, `${model}-open`];
    locked.add(bad);
    const detector = await detectors.start(model, answer);
    await accept(model, bad, names(0, 40));
    await accept(model, good, names(0, 40));

    const breaker = await eventually(
      () => openOf(bad),
      (found) => found !== undefined,
      60_000,
    );
    expect(breaker).toMatchObject({ bucket: bad, model, reason: 'FORBIDDEN', detail: '403 no objects.get' });
    expect(await openOf(good)).toBeUndefined();
    await eventually(
      () => Promise.resolve(given(detector, good).size),
      (size) => size === 40,
      60_000,
    );

    // Those that were already in batches come back to Kafka when their attempts are used up; later ones never leave it.
    await eventually(heldBacklog, (records) => records >= 30n, 90_000);
    await eventually(dispatcherHolds(bad), (holds) => holds, 30_000);
    const callsBefore = detector.calls.length;
    await accept(model, bad, names(40, 300));
    await eventually(heldBacklog, (records) => records >= 280n, 60_000);
    const tried = detector.calls.slice(callsBefore).flatMap(({ images }) => images).length;
    // Probes of ten, each tried twice, every few seconds; never the 260.
    expect(tried).toBeLessThan(130);
    expect(detector.recorded).toEqual([]);

    const where = await eventually(
      () => whereIs(`gs://${bad}/image-299.jpg`),
      ({ report }) => report.images[0]?.state === 'held',
      30_000,
    );
    expect(where.report.images[0]?.sentence).toMatch(
      /of \d+ images failed, most FORBIDDEN \(403 no objects.get\); next probe/,
    );
    const { code, report } = await penstock('status');
    expect(code).toBe(1);
    expect(report).toMatchObject({ healthy: false, batches: { breakers: [{ bucket: bad, model }] } });

    // Whoever restarts meanwhile knows nothing, and nothing is lost by it.
    const { pids } = await endpointsNow();
    process.kill(pids['dispatcher'] ?? 0, 'SIGKILL');
    locked.delete(bad);
    const unlockedAt = detector.calls.length;
    await eventually(
      () => openOf(bad),
      (found) => found === undefined,
      120_000,
    );
    await eventually(
      () => Promise.resolve(given(detector, bad, unlockedAt).size),
      (size) => size === 300,
      120_000,
    );
    expect(detector.recorded).toEqual([]);
    await eventually(heldBacklog, (records) => records === 0n, 60_000);
  });

  it('lets the few images die that fail in a bucket of which most can be read', async () => {
    const model = newModel();
    const bucket = `${model}-mixed`;
    const fails = (object: string): boolean => Number(/\d+/.exec(object)?.[0]) % 4 === 0;
    const detector = await detectors.start(model, (input) =>
      detected(input, {
        retry: input.images.flatMap(([, object], image) =>
          fails(object) ? [{ image, reason: 'FORBIDDEN' as const, detail: 'this object is private' }] : [],
        ),
      }),
    );
    await accept(model, bucket, names(0, 160));
    const dead = (): string[] => detector.recorded.flatMap(({ images }) => images.map(([, object]) => object));
    await eventually(
      () => Promise.resolve(dead().length),
      (count) => count >= 40,
      90_000,
    );
    expect(new Set(dead())).toEqual(new Set(names(0, 160).filter(fails)));
    expect(await openOf(bucket)).toBeUndefined();
  });

  it('is opened and closed by hand', async () => {
    const bucket = `${newModel()}-by-hand`;
    const by = ['--model', 'shapes', '--why', 'ana: a test'];
    expect(await penstock('breaker', 'open', `gs://${bucket}`, ...by)).toMatchObject({ code: 0 });
    expect(await openOf(bucket)).toMatchObject({ reason: 'BY_HAND', detail: 'ana: a test' });
    expect(await penstock('breaker', 'list')).toMatchObject({
      code: 1,
      report: { open: [{ bucket, model: 'shapes' }] },
    });
    expect(await penstock('breaker', 'close', `gs://${bucket}`, ...by)).toMatchObject({
      code: 0,
      report: { open: [] },
    });
    expect(await openOf(bucket)).toBeUndefined();
    await expect(penstock('breaker', 'close', bucket, ...by)).rejects.toThrow('exit code 2');
    await recordHistory('breaker', client.workflow.getHandle(BREAKER_WORKFLOW_ID));
  });

  it(
    'is started again when somebody has terminated it, and costs no event while it runs',
    { timeout: 120_000 },
    async () => {
      const { kafka } = await endpointsNow();
      const handle = client.workflow.getHandle(BREAKER_WORKFLOW_ID);
      await handle.terminate('a test');
      const { runId } = await eventually(
        () => handle.describe(),
        ({ status }) => status.name === 'RUNNING',
        60_000,
      );
      const config = loadConfig({ PENSTOCK_KAFKA_BROKERS: kafka });
      const before = await lengthOnceQuiet(handle);
      for (let look = 0; look < 5; look += 1) await ensureBreaker(client, config);
      const after = await handle.describe();
      expect({ runId: after.runId, events: after.historyLength }).toEqual({ runId, events: before });
    },
  );
});
