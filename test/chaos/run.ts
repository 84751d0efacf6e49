import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Storage } from '@google-cloud/storage';
import { GCS_PROJECT } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { startBrokerProxy } from '../system/brokerProxy.js';
import { Fleet, NOOP } from '../system/fleet.js';
import { endpointsNow, eventually, forEachBounded, select } from '../system/pipeline.js';
import { residentMb } from '../system/roleProcess.js';
import { Sender, type Sent } from '../system/sender.js';
import { Faults } from './faults.js';
import { tablesOf, uploadedAtS, type Tables } from './model.js';
import { PICTURES, planOf, type Input, type Size } from './plan.js';
import { readTables } from './tables.js';

const SKEWED_CLOCK = pathToFileURL(join(import.meta.dirname, '../system/skewedClock.mjs')).href;
/** Until everything has drained after the last fault. */
const DRAIN_MS = 300_000;
const SAMPLE_MS = 10_000;

export interface ChaosResult {
  expected: Tables;
  found: Tables;
  deliveries: number;
  made: Faults['made'];
  /** Resident megabytes by role, over time. */
  memory: { atS: number; mb: Record<string, number> }[];
  /** From the first delivery until the tables were complete, or the time for it was over. */
  seconds: number;
}

/**
 * Sends what the plan of a seed says while it breaks what the plan says, and waits until the tables are complete. An
 * intake, a detector and a sink of its own reach Kafka through a proxy; the first two have clocks that are off.
 */
export async function runChaos(seed: string, size: Size): Promise<ChaosResult> {
  const plan = planOf(seed, size);
  const bucket = `chaos-${Date.now().toString(36)}`;
  const folder = await mkdtemp(join(tmpdir(), 'penstock-chaos-'));
  const routes = join(folder, 'routing.yaml');
  await writeFile(
    routes,
    `version: 1\nroutes:\n  - { bucket: ${bucket}, model: shapes }\n  - { bucket: ${bucket}, prefix: noop/, model: ${NOOP} }\n`,
  );
  const proxy = await startBrokerProxy((await endpointsNow()).kafka);
  const faults = new Faults(proxy);
  const fleet = await Fleet.connect();
  const clock = (skewMs: number): Record<string, string> => ({
    PENSTOCK_KAFKA_BROKERS: proxy.address,
    NODE_OPTIONS: `--import ${SKEWED_CLOCK}`,
    TEST_CLOCK_SKEW_MS: String(skewMs),
  });
  try {
    const intake = await fleet.role('intake', { ...clock(plan.skewMs.intake), PENSTOCK_ROUTING_FILE: routes });
    await fleet.detector(clock(plan.skewMs.detector));
    await fleet.role('sink', { PENSTOCK_KAFKA_BROKERS: proxy.address });
    const generations = await upload(bucket, plan.inputs);
    const own = new Sender(() => intake.address);
    const stacks = new Sender(async () => (await endpointsNow()).intake ?? '');
    const beganAtS = Math.floor(Date.now() / 1_000);
    const sentOf = (input: Input): Sent => sent(bucket, input, beganAtS);
    const classes = await known(bucket, generations, own, beganAtS);

    const beganMs = performance.now();
    const memory: ChaosResult['memory'] = [];
    const sampling = setInterval(() => void sample(beganMs, memory), SAMPLE_MS).unref();
    const sending: Promise<void>[] = [];
    const breaking = faults.run(plan.faults, beganMs);
    for (const [index, { atMs, input }] of plan.deliveries.entries()) {
      await sleep(Math.max(0, beganMs + atMs - performance.now()));
      // The stack's own intake has no routes: it sends everything to the model of the pictures.
      sending.push((input.kind === 'picture' && index % 2 === 0 ? stacks : own).send(sentOf(real(input, generations))));
    }
    await Promise.all([...sending, breaking]);
    faults.end();
    const inputs = plan.inputs.map((input) => real(input, generations));
    const expected = tablesOf([...inputs, ...calm(generations)], classes, beganAtS);
    const found = await complete(bucket, expected);
    clearInterval(sampling);
    await sample(beganMs, memory);
    const seconds = (performance.now() - beganMs) / 1_000;
    return { expected, found, deliveries: plan.deliveries.length, made: faults.made, memory, seconds };
  } finally {
    faults.end();
    await fleet.close(`${bucket}/none`, 0);
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'];

async function sample(beganMs: number, into: ChaosResult['memory']): Promise<void> {
  const atS = Math.round((performance.now() - beganMs) / 1_000);
  try {
    const { pids } = await endpointsNow();
    const entries = await Promise.all(
      ROLES.map(async (role) => [role, Math.round(await residentMb(pids[role] ?? 0))] as const),
    );
    into.push({ atS, mb: Object.fromEntries(entries) });
  } catch {
    // One of them is being killed in this very moment: this sample is left out.
  }
}

/** Objects whose pictures are really there: those of the plan, and one of each picture for what it gives when all is calm. */
async function upload(bucket: string, inputs: readonly Input[]): Promise<Map<string, string>> {
  const { gcs } = await endpointsNow();
  const storage = new Storage({ apiEndpoint: gcs, projectId: GCS_PROJECT, useAuthWithCustomEndpoint: false });
  await storage.createBucket(bucket);
  const bytes = await Promise.all(Array.from({ length: PICTURES }, async (_, seed) => (await scene(seed)).jpeg));
  const generations = new Map<string, string>();
  const pictures = [...calm(new Map()), ...inputs.filter(({ kind }) => kind === 'picture')];
  await forEachBounded(pictures, 8, async ({ object, picture }) => {
    const file = storage.bucket(bucket).file(object);
    await file.save(bytes[picture] ?? Buffer.alloc(0), { resumable: false, contentType: 'image/jpeg' });
    generations.set(object, String(file.metadata.generation));
  });
  return generations;
}

/** One of each picture, sent before anything breaks. */
function calm(generations: ReadonlyMap<string, string>): Input[] {
  return Array.from({ length: PICTURES }, (_, picture) =>
    real(
      { object: `picture/calm-${picture}.jpg`, generation: '0', kind: 'picture', picture, hoursAgo: 0 },
      generations,
    ),
  );
}

function real(input: Input, generations: ReadonlyMap<string, string>): Input {
  return { ...input, generation: generations.get(input.object) ?? input.generation };
}

/** The classes that each picture gives while nothing is broken. */
async function known(
  bucket: string,
  generations: ReadonlyMap<string, string>,
  sender: Sender,
  beganAtS: number,
): Promise<string[][]> {
  const inputs = calm(generations);
  await Promise.all(inputs.map((input) => sender.send(sent(bucket, input, beganAtS))));
  await eventually(
    () => select<{ images: number }>(`SELECT count() AS images FROM images WHERE bucket = '${bucket}'`),
    ([found]) => found?.images === inputs.length,
    120_000,
  );
  const rows = await select<{ object: string; class: string }>(
    `SELECT object, class FROM detections WHERE bucket = '${bucket}'`,
  );
  return inputs.map(({ object }) => rows.filter((row) => row.object === object).map((row) => row.class));
}

function sent(bucket: string, input: Input, beganAtS: number): Sent {
  const { object, generation, kind } = input;
  return {
    image: { bucket, object, generation },
    resource: {
      contentType: kind === 'text' ? 'text/plain' : 'image/jpeg',
      timeCreated: new Date(uploadedAtS(input, beganAtS) * 1_000).toISOString(),
      ...(kind === 'empty' ? { size: '0' } : {}),
    },
  };
}

/** Reads the tables until they are as expected, or the time for it is over. */
async function complete(bucket: string, expected: Tables): Promise<Tables> {
  const wanted = JSON.stringify(expected);
  const deadline = performance.now() + DRAIN_MS;
  for (;;) {
    const found = await readTables(bucket).catch(() => undefined);
    if (found !== undefined && (JSON.stringify(found) === wanted || performance.now() > deadline)) return found;
    if (performance.now() > deadline + 60_000) throw new Error('the tables can not be read');
    await sleep(2_000);
  }
}
