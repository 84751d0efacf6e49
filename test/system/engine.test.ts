import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { detectorSettings } from '../../src/calibration/index.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import type { ImageRef } from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import type * as inference from '../../src/inference/index.js';
import type { Engine, ImageOutcome } from '../../src/inference/index.js';
import { createLogger, createMetrics, type Metrics } from '../../src/telemetry/index.js';
import { Graph } from '../unit/inference/onnx.js';
import { bucketOf, endpointsNow, eventually } from './pipeline.js';

/** The engine as it is built: its child processes run from dist. */
const { createEngine, loadModel, Pacer } = (await import(
  new URL('../../dist/inference/index.js', import.meta.url).href
)) as typeof inference;

const SHAPES = fileURLToPath(new URL('../../models/shapes', import.meta.url));
const engines: Engine[] = [];
let images: ImageRef[];
let config: Config;

beforeAll(async () => {
  const endpoints = await endpointsNow();
  config = loadConfig({ ...roleEnvironment(endpoints), PENSTOCK_DETECT_CHILDREN: '1' });
  const bucket = await bucketOf(endpoints);
  const prefix = `engine-${randomUUID()}/`;
  images = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const file = bucket.file(`${prefix}${index}.jpg`);
      await file.save((await scene(index)).jpeg, { resumable: false, contentType: 'image/jpeg' });
      return { bucket: endpoints.bucket, object: file.name, generation: String(file.metadata.generation) };
    }),
  );
});

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

function image(): ImageRef {
  const [first] = images;
  if (first === undefined) throw new Error('no image was uploaded');
  return first;
}

async function newEngine(
  more: Partial<Config> = {},
  {
    dir = SHAPES,
    onUnfit,
    silenceMs,
    metrics = createMetrics('test'),
    pacer = new Pacer({ fillMs: config.PENSTOCK_DETECT_BATCH_DELAY_MS }),
  }: {
    dir?: string;
    onUnfit?: (message: string) => void;
    silenceMs?: number;
    metrics?: Metrics;
    pacer?: inference.Pacer;
  } = {},
): Promise<Engine> {
  const model = await loadModel(dir);
  const configured = { ...config, ...more };
  const settings = await detectorSettings(configured, model);
  pacer.lease(settings.imagesPerSecond || Infinity, Infinity);
  const engine = createEngine({
    ...{ pacer, config: configured, model },
    settings: silenceMs === undefined ? settings : { ...settings, silenceMs },
    log: createLogger('test', 'silent'),
    metrics,
    onUnfit: onUnfit ?? ((message) => expect.unreachable(message)),
  });
  engines.push(engine);
  await eventually(
    () => Promise.resolve(engine.isReady()),
    (ready) => ready,
    60_000,
  );
  return engine;
}

/** Starts a detection; `outcomes` fills as they come, `done` resolves with the last. */
function detect(engine: Engine, refs: readonly ImageRef[], signal = new AbortController().signal) {
  const outcomes = new Map<number, ImageOutcome>();
  const calls: number[] = [];
  const done = engine.detect({
    images: refs,
    express: false,
    signal,
    onOutcomes: (settled) => {
      for (const { image, outcome } of settled) {
        calls.push(image);
        outcomes.set(image, outcome);
      }
    },
  });
  return { outcomes, calls, done };
}

/** 120 images take three seconds, so that what happens to a child after the first ones happens in the middle. */
const SLOWLY = { PENSTOCK_DETECT_IMAGES_PER_SECOND: 40 };

/** Resolves once some are there: the engine is in the middle of its work. */
async function some(outcomes: ReadonlyMap<number, ImageOutcome>): Promise<void> {
  await eventually(
    () => Promise.resolve(outcomes.size),
    (size) => size > 5,
    30_000,
  );
}

/** Child processes of this process that run the engine's child program. */
async function children(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const mine: number[] = [];
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (status.includes(`PPid:\t${process.pid}\n`) && command.includes('inference/child.js')) mine.push(pid);
  }
  return mine;
}

describe('the engine', () => {
  it('gives every image one outcome, and one that is gone does not harm its neighbours', async () => {
    const engine = await newEngine();
    const refs = [...images, { ...image(), object: 'no-such-object.jpg' }];
    const { outcomes, calls, done } = detect(engine, refs);
    await done;
    expect(calls).toHaveLength(refs.length);
    expect(outcomes.get(images.length)).toMatchObject({ kind: 'dead', reason: 'GONE' });
    expect([...outcomes.values()].filter(({ kind }) => kind === 'detected')).toHaveLength(images.length);
  });

  it('asks for the generation of the event: another one is gone', async () => {
    const { outcomes, done } = detect(await newEngine(), [{ ...image(), generation: '12345' }]);
    await done;
    expect(outcomes.get(0)).toMatchObject({ kind: 'dead', reason: 'GONE' });
  });

  it('detects all images of a child process that is killed, each once', async () => {
    const engine = await newEngine(SLOWLY);
    const refs = [...images, ...images, ...images];
    const { outcomes, calls, done } = detect(engine, refs);
    await some(outcomes);
    for (const pid of await children()) process.kill(pid, 'SIGKILL');
    await done;
    expect(calls).toHaveLength(refs.length);
    expect([...outcomes.values()].every(({ kind }) => kind === 'detected')).toBe(true);
  });

  it('detects all images of a child process that hangs, each once', { timeout: 240_000 }, async () => {
    // Twice its pings, in place of a minute.
    const engine = await newEngine(SLOWLY, { silenceMs: 10_000 });
    const refs = [...images, ...images, ...images];
    const { outcomes, calls, done } = detect(engine, refs);
    await some(outcomes);
    const hanging = await children();
    for (const pid of hanging) process.kill(pid, 'SIGSTOP');
    await done;
    expect(calls).toHaveLength(refs.length);
    expect([...outcomes.values()].every(({ kind }) => kind === 'detected')).toBe(true);
    const now = await children();
    expect(now.filter((pid) => hanging.includes(pid))).toEqual([]);
  });

  it('declares only the image dead that kills its child again when it is alone', { timeout: 180_000 }, async () => {
    const engine = await newEngine({ PENSTOCK_DETECT_IMAGES_PER_SECOND: 0.4, PENSTOCK_DETECT_MODEL_BATCH: 1 });
    const { outcomes, done } = detect(engine, images.slice(0, 6));
    const dead = (): ImageOutcome[] => [...outcomes.values()].filter(({ kind }) => kind === 'dead');
    await eventually(
      () => Promise.resolve(outcomes.size),
      (size) => size >= 1,
      30_000,
    );
    const before = await children();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    // A fresh child serves and another holds a suspect, which waits there for the slow pacer. Whatever has lived for two
    // seconds is killed, until that was a suspect's.
    const seen = new Map<number, number>();
    await eventually(
      async () => {
        for (const pid of await children()) {
          const since = seen.get(pid) ?? performance.now();
          seen.set(pid, since);
          if (dead().length === 0 && performance.now() - since > 2_000) process.kill(pid, 'SIGKILL');
        }
        return dead().length;
      },
      (count) => count === 1 || outcomes.size === 6,
      120_000,
    );
    await done;
    expect(dead().length).toBeLessThanOrEqual(1);
    for (const one of dead()) expect(one).toMatchObject({ reason: 'POISON' });
    expect([...outcomes.values()].filter(({ kind }) => kind === 'detected').length).toBe(6 - dead().length);
  });

  it('hands back what no child has begun when its caller stops, and finishes what runs', async () => {
    const pacer = new Pacer();
    const engine = await newEngine({ PENSTOCK_DETECT_IMAGES_PER_SECOND: 5 }, { pacer });
    const stop = new AbortController();
    const { calls, done } = detect(engine, [...images, ...images], stop.signal);
    await eventually(
      () => Promise.resolve(calls.length),
      (count) => count >= 2,
      30_000,
    );
    stop.abort();
    // Its child hears that nobody waits any more before it hears of any later grant.
    const mayRun = pacer.granted;
    expect(mayRun).toBeLessThan(images.length);
    await done;
    const after = calls.length;
    expect(after).toBeLessThanOrEqual(mayRun);
    await detect(engine, images.slice(0, 1)).done;
    expect(calls.length).toBe(after);
  });

  it('has the day have again what it was granted for images that were handed back meanwhile', async () => {
    const pacer = new Pacer();
    const engine = await newEngine({ PENSTOCK_DETECT_IMAGES_PER_SECOND: 1_000 }, { pacer });
    const allow = (limit: number): void =>
      pacer.allow({ day: '2026-03-29', limit, endsMs: Infinity, expressBeyond: false });
    allow(0);
    const stop = new AbortController();
    const { calls, done } = detect(engine, images.slice(0, 4), stop.signal);
    await eventually(
      () => Promise.resolve(pacer.waiting.bulk),
      (waiting) => waiting > 0,
      30_000,
    );
    // Its child hears of both in this order, and has nothing left to run when it may.
    stop.abort();
    allow(4);
    expect(pacer.account.used).toBeGreaterThan(0);
    await done;
    await eventually(
      () => Promise.resolve(pacer.account.used),
      (used) => used === 0,
      10_000,
    );
    expect(calls).toEqual([]);
  });

  it('never infers more than its rate allows, and uses it', async () => {
    const engine = await newEngine({ PENSTOCK_DETECT_IMAGES_PER_SECOND: 20, PENSTOCK_DETECT_MODEL_BATCH: 4 });
    const { outcomes, done } = detect(engine, [...images, ...images]);
    await done;
    const at = [...outcomes.values()]
      .flatMap((one) => (one.kind === 'detected' ? [one.detectedAtMs] : []))
      .sort((a, b) => a - b);
    for (const from of at) {
      expect(at.filter((time) => time >= from && time < from + 1_000).length).toBeLessThanOrEqual(20 + 4 + 1);
    }
    const seconds = ((at.at(-1) ?? 0) - (at[0] ?? 0)) / 1_000;
    expect(at.length / seconds).toBeGreaterThan(20 / 2);
  });

  it('lets images of different callers share model runs, and counts how full they are', async () => {
    const metrics = createMetrics('test');
    const engine = await newEngine(
      { PENSTOCK_DETECT_CHILDREN: 1, PENSTOCK_DETECT_MODEL_BATCH: 8, PENSTOCK_DETECT_BATCH_DELAY_MS: 2_000 },
      { metrics },
    );
    // More pictures than are prepared at once, so that some are always on their way.
    const callers = images.slice(0, 32).map((one) => detect(engine, [one]));
    await Promise.all(callers.map(({ done }) => done));
    const text = await metrics.registry.metrics();
    const value = (name: string): number => Number(new RegExp(`^${name}{[^}]*} (\\S+)`, 'm').exec(text)?.[1]);
    expect(value('penstock_detector_run_images_sum')).toBe(callers.length);
    expect(value('penstock_detector_run_images_count')).toBeLessThanOrEqual(callers.length / 4);
    expect(value('penstock_detector_run_places_total')).toBe(8 * value('penstock_detector_run_images_count'));
  });

  it('gives up, to begin afresh, when its model fails on image after image: its provider may be lost', async () => {
    const said: string[] = [];
    const engine = await newEngine({}, { dir: await brokenModel(), onUnfit: (message) => said.push(message) });
    const { outcomes, done } = detect(engine, [...images, ...images.slice(0, 20)]);
    await done;
    expect(new Set([...outcomes.values()].map((outcome) => 'reason' in outcome && outcome.reason))).toEqual(
      new Set(['MODEL_FAILED']),
    );
    expect(said).toEqual([expect.stringMatching(/^the model failed on 50 images in a row, lastly: .*Gather/s)]);
  });
});

/** A model that runs on nothing but a black picture, as it is tried with when it is loaded: a brighter one it looks up beyond its table. */
async function brokenModel(): Promise<string> {
  const graph = new Graph();
  const input = graph.input('images', 'uint8', ['n', 64, 64, 3]);
  const brightest = graph.node('ReduceMax', [graph.cast(input, 'float32')], { axes: [1, 2, 3], keepdims: 0 });
  const place = graph.cast(brightest, 'int64');
  const nothing = graph.constant([1, 7, 4], Array<number>(28).fill(0));
  const beyond = graph.node('Gather', [nothing, place], { axis: 0 });
  graph.output('boxes', 'float32', ['n', 7, 4], beyond);
  graph.output('scores', 'float32', ['n', 7, 4], beyond);
  const dir = await mkdtemp(join(tmpdir(), 'penstock-broken-model-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'broken.onnx'), graph.toFile());
  const input64 = { width: 64, height: 64, layout: 'nhwc', type: 'uint8', color: 'rgb', resize: 'stretch' };
  const output = { decoder: 'boxes-scores', boxes: 'boxes', scores: 'scores' };
  await writeFile(
    join(dir, 'model.yaml'),
    stringify({
      ...{ name: 'broken', file: 'broken.onnx', license: 'Apache-2.0', input: input64, output },
      ...{ scoreThreshold: 0.4, iouThreshold: 0.5, classes: ['a', 'b', 'c', 'd'] },
    }),
  );
  return dir;
}
