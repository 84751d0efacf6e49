import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  loadModel,
  openSession,
  prepareImage,
  ProviderError,
  tensorLength,
  type Model,
  type ModelSession,
  type Prepared,
} from '../inference/index.js';
import { createObjectReader } from '../storage/index.js';
import type { PartOptions, PartOrder, PartReport, PartThreadData } from './partProtocol.js';

/**
 * A child process that does one part of a detector's work and nothing else, as fast as it can: threads that download,
 * threads that decode, or model runs on its main thread. Started by `fork`; ends with its parent.
 */

type Run = Extract<PartOrder, { kind: 'run' }>;

/** Counts images and reports them window by window. */
class Windows {
  #images = 0;
  #beganMs = performance.now();
  #cpu = process.cpuUsage();

  constructor(private readonly run: Run) {}

  add(images: number): void {
    this.#images += images;
    const ms = performance.now() - this.#beganMs;
    if (ms < this.run.windowMs || this.#images === 0) return;
    const { user, system } = process.cpuUsage(this.#cpu);
    report({ kind: 'window', run: this.run.run, images: this.#images, ms, cpuMs: (user + system) / 1000 });
    this.#images = 0;
    this.#beganMs = performance.now();
    this.#cpu = process.cpuUsage();
  }
}

/** What a process does while it runs; `isOver` once it is to pause. */
type Work = (run: Run, isOver: () => boolean) => Promise<void>;

const SAMPLE_MS = 20;

async function openThreads(options: PartOptions): Promise<Work> {
  const done = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const workerData: PartThreadData = { options, done };
  for (let thread = 0; thread < options.prepareThreads; thread += 1)
    new Worker(new URL('./partThread.js', import.meta.url), { workerData }).on('error', fail);
  const counter = new Int32Array(done);
  // Ready is who has begun: what a thread loads first is nothing that its work costs.
  while (Atomics.load(counter, 0) < options.prepareThreads) await sleep(SAMPLE_MS);
  report({ kind: 'ready', maxBatch: 'dynamic' });
  return async (run, isOver) => {
    const windows = new Windows(run);
    Atomics.store(counter, 0, 0);
    while (!isOver()) {
      await sleep(SAMPLE_MS);
      windows.add(Atomics.exchange(counter, 0, 0));
    }
  };
}

async function openModel(options: PartOptions): Promise<Work> {
  const { provider, deviceId, intraOpThreads: threads } = options;
  const model = await loadModel(options.modelDir);
  const session = await openSession(model, { provider, deviceId, threads });
  const pictures = await prepareAll(model, options);
  report({ kind: 'ready', maxBatch: Number.isFinite(session.maxBatch) ? session.maxBatch : 'dynamic' });
  return (run, isOver) => runModel(session, pictures, run, isOver);
}

interface PreparedPicture {
  tensor: Float32Array | Uint8Array;
  prepared: Prepared;
}

/** Pictures are looked at in turn: how many boxes there are to read differs. */
const MOST_TENSORS = 16;

async function prepareAll({ input }: Model, options: PartOptions): Promise<PreparedPicture[]> {
  const reader = createObjectReader(options.storage);
  const length = tensorLength(input);
  const pictures: PreparedPicture[] = [];
  for (const image of options.images.slice(0, MOST_TENSORS)) {
    const read = await reader.read(image);
    if (read.kind !== 'bytes') throw new Error(`${image.object}: ${read.reason}: ${read.detail}`);
    const tensor = input.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
    pictures.push({ tensor, prepared: await prepareImage(read.bytes, input, options.limits, tensor) });
  }
  return pictures;
}

/** Model runs of one batch size, and the reading of their boxes, which the thread of the model does too. */
async function runModel(
  session: ModelSession,
  pictures: readonly PreparedPicture[],
  run: Run,
  isOver: () => boolean,
): Promise<void> {
  const batch = Array.from({ length: run.batch }, (_, index) => pictures[index % pictures.length]).filter(
    (picture) => picture !== undefined,
  );
  const tensor = joined(batch.map((picture) => picture.tensor));
  const windows = new Windows(run);
  while (!isOver()) {
    const outputs = await session.run(tensor, batch.length);
    for (const [index, { prepared }] of batch.entries()) session.detections(outputs, index, prepared);
    windows.add(batch.length);
    // Lets the parent's next order in.
    await turn();
  }
}

function joined(tensors: readonly (Float32Array | Uint8Array)[]): Float32Array | Uint8Array {
  const length = tensors.reduce((sum, tensor) => sum + tensor.length, 0);
  const all = tensors[0] instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  let at = 0;
  for (const tensor of tensors) {
    all.set(tensor, at);
    at += tensor.length;
  }
  return all;
}

function report(message: PartReport): void {
  if (process.connected) process.send?.(message);
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  report({ kind: 'failed', message, isProvider: error instanceof ProviderError });
}

let work: Work | undefined;
/** Number of the last order: work of an earlier one is over. */
let current = 0;
let working: Promise<void> = Promise.resolve();

async function obey(order: PartOrder): Promise<void> {
  const mine = ++current;
  await working;
  if (order.kind === 'open') work = await (order.options.part === 'model' ? openModel : openThreads)(order.options);
  if (order.kind === 'run' && work) working = work(order, () => current !== mine);
  await working;
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: PartOrder) => {
  obey(order).catch(fail);
});
