import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type Config } from '../../src/config/index.js';
import { dispatcherGroup, imageEventsTopic, SINK_GROUP } from '../../src/domain/index.js';
import { roleEnvironment, startStack, type Stack } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createProducer, readBacklog } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { bucketOf, endpointsNow, eventually, forEachBounded, imageCounts, postEvent } from './pipeline.js';
import { residentMb } from './roleProcess.js';

const IMAGES = 10_000;
const FIRST = 1_000;
const MAY_GROW_MB = 64;
const JPEG = 'image/jpeg';
const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'];
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));

async function residentByRole(pids: Record<string, number>): Promise<Record<string, number>> {
  const entries = await Promise.all(ROLES.map(async (role) => [role, await residentMb(pids[role] ?? 0)] as const));
  return Object.fromEntries(entries);
}

/** Uploads so many pictures before it tells of each, then the next: batches are full, and a part of the time is saved. */
async function uploadInBursts(): Promise<void> {
  const endpoints = await endpointsNow();
  const bucket = await bucketOf(endpoints);
  for (let first = 0; first < IMAGES; first += FIRST) {
    const tell: (() => Promise<void>)[] = [];
    await forEachBounded([...Array(FIRST).keys()], 16, async (index) => {
      const file = bucket.file(`memory/${first + index}.jpg`);
      await file.save(pictures[index % pictures.length] ?? Buffer.alloc(0), { resumable: false, contentType: JPEG });
      const image = { bucket: endpoints.bucket, object: file.name, generation: String(file.metadata.generation) };
      const resource = { contentType: JPEG, timeCreated: file.metadata.timeCreated ?? '' };
      tell.push(() => postEvent(image, resource));
    });
    await forEachBounded(tell, 16, (event) => event());
  }
}

describe('10,000 images in one run', () => {
  it.runIf(process.platform === 'linux')(
    `are all stored, and every role stays within ${MAY_GROW_MB} MB of its level after the first 1,000 (needs /proc)`,
    { timeout: 1_200_000 },
    async () => {
      const uploads = uploadInBursts();
      uploads.catch(() => undefined);
      await eventually(
        () => imageCounts('memory/'),
        ({ rows }) => rows >= FIRST,
        300_000,
      );
      const { pids } = await endpointsNow();
      const level = await residentByRole(pids);
      const most = { ...level };
      await eventually(
        async () => {
          for (const [role, mb] of Object.entries(await residentByRole(pids)))
            most[role] = Math.max(most[role] ?? 0, mb);
          return imageCounts('memory/');
        },
        ({ rows }) => rows >= IMAGES,
        900_000,
      );
      await uploads;
      expect(await imageCounts('memory/')).toEqual({ rows: IMAGES, keys: IMAGES, detected: IMAGES, dead: 0 });
      const growth = ROLES.map((role) => [role, Math.round((most[role] ?? 0) - (level[role] ?? 0))]);
      expect(
        growth.filter(([, mb]) => Number(mb) > MAY_GROW_MB),
        JSON.stringify({ growth, level, most }),
      ).toEqual([]);
    },
  );
});

const SMALL = 100_000;
const LARGE = 1_000_000;
const TOPIC = imageEventsTopic('bulk');
const NOOP = fileURLToPath(new URL('../../bench/models/noop', import.meta.url));
const log = createLogger('memory', 'silent');

describe('a backlog of 1,000,000 events', () => {
  let folder: string;
  let stack: Stack;
  let config: Config;
  let enqueued = 0;

  /** A stack of its own, whose detector is so slow that what is enqueued stays in Kafka. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'penstock-memory-'));
    stack = await startStack({
      ...{ dataDir: folder, modelDir: NOOP, log },
      environment: {
        PENSTOCK_DETECT_IMAGES_PER_SECOND: '20',
        PENSTOCK_DETECT_CHILDREN: '1',
        PENSTOCK_LOG_LEVEL: 'warn',
      },
    });
    config = loadConfig(roleEnvironment(stack.endpoints()));
  });

  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  /** Enqueues until so many events have come, in large requests; every hundredth request goes through intake. */
  async function enqueueUpTo(total: number): Promise<void> {
    const producer = await createProducer({ config, log });
    const now = Date.now();
    for (; enqueued < total; enqueued += 2_000) {
      const records = Array.from({ length: 2_000 }, (_, index) => {
        const object = `memory/${enqueued + index}.jpg`;
        const image = { bucket: 'memory', object, generation: '1', model: 'noop' };
        const times = { uploadedAtMs: now, receivedAtMs: now };
        return {
          key: `memory/${object}`,
          value: JSON.stringify({ v: 1, id: object, ...image, ...times, contentType: 'image/jpeg', sizeBytes: 1 }),
        };
      });
      await producer.send(TOPIC, records);
      if (enqueued % 20_000 === 0) await post(enqueued);
    }
    await producer.close();
  }

  async function post(name: number): Promise<void> {
    const events = Array.from({ length: 100 }, (_, index) => ({
      ...{ specversion: '1.0', type: 'google.cloud.storage.object.v1.finalized', source: 's', id: `${name}-${index}` },
      data: {
        bucket: 'memory',
        name: `posted/${name}-${index}.jpg`,
        generation: '1',
        size: '1',
        contentType: 'image/jpeg',
      },
    }));
    const response = await fetch(`${stack.endpoints().intake ?? ''}/events/gcs`, {
      ...{ method: 'POST', body: JSON.stringify(events) },
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    });
    expect(response.status, await response.text()).toBe(200);
  }

  async function backlogOf(group: string): Promise<number> {
    const backlogs = await readBacklog(config, log);
    return Number(backlogs.find((one) => one.topic === TOPIC && one.group === group)?.records ?? -1n);
  }

  /** Resident MB of each role with so many events enqueued: the median while the sink works them off, and after. */
  async function measure(total: number): Promise<{ working: Record<string, number>; settled: Record<string, number> }> {
    const { pids } = stack.endpoints();
    const working: Record<string, number>[] = [];
    const sampling = new AbortController();
    const sampled = (async () => {
      while (!sampling.signal.aborted) {
        working.push(await residentByRole(pids));
        await sleep(250);
      }
    })();
    await enqueueUpTo(total);
    await eventually(
      () => backlogOf(SINK_GROUP),
      (records) => records === 0,
      300_000,
    );
    sampling.abort();
    await sampled;
    const settled: Record<string, number>[] = [];
    for (let times = 0; times < 20; times += 1) {
      settled.push(await residentByRole(pids));
      await sleep(250);
    }
    expect(await backlogOf(dispatcherGroup('bulk'))).toBeGreaterThan(total * 0.9);
    return { working: medians(working), settled: medians(settled) };
  }

  it.runIf(process.platform === 'linux')(
    `takes no role more than ${MAY_GROW_MB} MB above what it needs with 100,000 (needs /proc)`,
    { timeout: 900_000 },
    async () => {
      const small = await measure(SMALL);
      const large = await measure(LARGE);
      const growth = ROLES.flatMap((role) => [
        [role, 'working', (large.working[role] ?? 0) - (small.working[role] ?? 0)] as const,
        [role, 'settled', (large.settled[role] ?? 0) - (small.settled[role] ?? 0)] as const,
      ]);
      expect(
        growth.filter(([, , mb]) => mb > MAY_GROW_MB),
        JSON.stringify({ small, large }),
      ).toEqual([]);
    },
  );
});

function medians(samples: readonly Record<string, number>[]): Record<string, number> {
  return Object.fromEntries(
    ROLES.map((role) => {
      const values = samples.map((sample) => sample[role] ?? 0).sort((a, b) => a - b);
      return [role, Math.round(values[Math.floor(values.length / 2)] ?? 0)];
    }),
  );
}
