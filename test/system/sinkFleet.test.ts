import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { IMAGE_RESULTS_TOPIC, SINK_GROUP } from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { imageResult } from '../unit/sink/results.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';

const WITHIN_MS = 90_000;
/** Records of one send, one every 100 ms. */
const ROWS = 100;
const bucket = `sinks-${randomUUID().slice(0, 8)}`;

const sinks: RoleProcess[] = [];
let kafka: string;
let admin: kafkajs.Admin;
let producer: StreamProducer;

beforeAll(async () => {
  const endpoints = await endpointsNow();
  kafka = endpoints.kafka;
  admin = new kafkajs.Kafka({ brokers: [kafka], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const config = loadConfig(roleEnvironment(endpoints));
  producer = await createProducer({ config, log: createLogger('test', 'silent') });
});
afterAll(async () => {
  for (const { pid } of sinks) wake(pid);
  await Promise.all(sinks.map((sink) => sink.stop()));
  await producer.close();
  await admin.disconnect();
});

async function addSink(): Promise<RoleProcess> {
  const sink = await startRole('sink', { PENSTOCK_LOG_LEVEL: 'error' });
  sinks.push(sink);
  return sink;
}

/** A process that has ended needs none. */
function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Members of the sinks' group; undefined while it is not settled. */
async function members(): Promise<number | undefined> {
  const [group] = (await admin.describeGroups([SINK_GROUP])).groups;
  return group?.state === 'Stable' ? group.members.length : undefined;
}

/** Sends results of different images until it is told to stop; returns how many. */
function feed(): { stop: () => Promise<number>; sent: () => number } {
  const uploadedAtMs = Date.now() - 60_000;
  const stopping = new AbortController();
  let sent = 0;
  const feeding = (async () => {
    while (!stopping.signal.aborted) {
      const records = Array.from({ length: ROWS }, (_, n) => {
        const object = `${sent + n}.jpg`;
        const result = imageResult({ bucket, object, uploadedAtMs, model: 'sinks@0a1b2c3d4e5f' });
        return { key: `${bucket}/${object}`, value: JSON.stringify(result) };
      });
      await producer.send(IMAGE_RESULTS_TOPIC, records);
      sent += ROWS;
      await sleep(100);
    }
  })();
  return {
    sent: () => sent,
    stop: async () => {
      stopping.abort();
      await feeding;
      return sent;
    },
  };
}

async function rowsStoredBy({ address }: RoleProcess): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return Number(/^penstock_sink_rows_total\{table="image_results",.*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

const isReady = ({ address }: RoleProcess): Promise<number> =>
  fetch(`${address}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(({ status }) => status);

async function counts(): Promise<{ images: number; rolledUp: number; detections: number }> {
  const [row] = await select<{ images: number; rolledUp: number; detections: number }>(
    `SELECT (SELECT count() FROM images WHERE bucket = '${bucket}') AS images,
       (SELECT sum(images) FROM images_hourly WHERE bucket = '${bucket}') AS rolledUp,
       (SELECT sum(detections) FROM detections_hourly WHERE bucket = '${bucket}') AS detections`,
  );
  return row ?? { images: 0, rolledUp: 0, detections: 0 };
}

it('sinks that come, go, are killed or stopped past their session store every row, and it counts once', async () => {
  const before = (await eventually(members, (count) => count !== undefined, WITHIN_MS)) ?? 0;
  const first = await addSink();
  const second = await addSink();
  const settled = (count: number) => eventually(members, (now) => now === before + count, WITHIN_MS);
  await settled(2);

  const load = feed();
  const third = await addSink();
  await settled(3);
  for (const sink of [second, third])
    await eventually(
      () => rowsStoredBy(sink),
      (rows) => rows > 0,
      WITHIN_MS,
    );

  process.kill(second.pid, 'SIGSTOP');
  process.kill(first.pid, 'SIGKILL');
  // The broker takes them out of the group after their session; the others have their partitions then.
  await settled(1);
  const whileStopped = load.sent();
  wake(second.pid);
  await settled(2);
  await eventually(
    () => isReady(second),
    (status) => status === 200,
    WITHIN_MS,
  );
  const storedAtWaking = await rowsStoredBy(second);
  await eventually(
    () => rowsStoredBy(second),
    (rows) => rows > storedAtWaking,
    WITHIN_MS,
  );

  await third.stop();
  await settled(1);

  const sent = await load.stop();
  expect(sent).toBeGreaterThan(whileStopped);
  await eventually(
    counts,
    ({ images, rolledUp, detections }) => images >= sent && rolledUp >= sent && detections >= sent,
    WITHIN_MS,
  );
  expect(await counts()).toEqual({ images: sent, rolledUp: sent, detections: sent });
  expect(await isReady(second)).toBe(200);
  expect(second.logged()).not.toContain('"level":"fatal"');
});
