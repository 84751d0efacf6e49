import { Worker } from 'node:worker_threads';
import { loadModel, openSession, tensorLength, type Model, type ModelSession, type Prepared } from './model/index.js';
import { Outbox, report } from './outbox.js';
import type { PrepareThreadData } from './prepareThread.js';
import type { ChildOptions, Order, PrepareReport, Task } from './protocol.js';

/**
 * The child process that owns a model session. `session.run()` blocks its thread and native code may crash, so none of
 * this lives in the process that holds Temporal's heartbeats. Started by `fork`, with its options as JSON in argv.
 */

interface PreparedTask {
  task: Task;
  place: number;
  prepared: Prepared | undefined;
  /** Monotonic, milliseconds. */
  sinceMs: number;
}

/** Pictures that one preparing thread works on at once: while some decode, others are on the wire. */
const PICTURES_PER_THREAD = 4;
/** Images inside a child whose model looks at no pictures. */
const PLACES_WITHOUT_PICTURES = 512;

class Child {
  readonly #places: number[];
  readonly #waiting: Task[] = [];
  readonly #preparing = new Map<number, Task>();
  /** Of those, the ones that nobody waits for any more. */
  readonly #unwanted = new Set<number>();
  readonly #prepared: PreparedTask[] = [];
  readonly #threads: Worker[];
  readonly #tensors: SharedArrayBuffer;
  readonly #batch: Float32Array | Uint8Array;
  readonly #length: number;
  readonly #maxBatch: number;
  readonly #batchDelayMs: number;
  readonly #outbox = new Outbox();
  /** What the pacer was asked for last. */
  #asked = { express: 0, bulk: 0 };
  #grants = 0;
  #isFree = false;
  #running = false;
  #delay: NodeJS.Timeout | undefined;
  #nextThread = 0;

  constructor(
    private readonly model: Model,
    private readonly session: ModelSession,
    options: ChildOptions,
  ) {
    this.#length = tensorLength(model.input);
    this.#maxBatch = Math.max(1, Math.min(session.maxBatch, options.maxBatch));
    this.#batchDelayMs = options.batchDelayMs;
    const bytes = model.input.type === 'uint8' ? 1 : 4;
    const needsPictures = model.file !== null;
    const places = needsPictures
      ? options.prepareThreads * PICTURES_PER_THREAD + 2 * this.#maxBatch
      : PLACES_WITHOUT_PICTURES;
    this.#places = Array.from({ length: places }, (_, place) => place);
    this.#tensors = new SharedArrayBuffer(needsPictures ? places * this.#length * bytes : 0);
    const batchLength = needsPictures ? this.#maxBatch * this.#length : 0;
    this.#batch = bytes === 4 ? new Float32Array(batchLength) : new Uint8Array(batchLength);
    this.#threads = Array.from({ length: needsPictures ? options.prepareThreads : 0 }, () => this.#thread(options));
    report({ kind: 'ready', places, maxBatch: this.#maxBatch });
  }

  obey(order: Order): void {
    switch (order.kind) {
      case 'tasks':
        this.#waiting.push(...order.tasks);
        this.#prepareNext();
        break;
      case 'grant':
        this.#grants += 1;
        this.#asked = { express: 0, bulk: 0 };
        this.#use(order.count, order.atMs);
        break;
      case 'free':
        this.#isFree = order.isFree;
        this.#asked = { express: 0, bulk: 0 };
        this.#runNext();
        break;
      case 'drop':
        this.#drop(new Set(order.ids));
        break;
      case 'ping':
        report({ kind: 'pong' });
        break;
    }
  }

  #use(granted: number, atMs: number): void {
    // Asked for before it became free: what it was for has run.
    const run = this.#isFree || this.#running ? [] : this.#take(granted);
    if (run.length < granted) report({ kind: 'unused', images: granted - run.length });
    void this.#run(run, atMs);
  }

  #drop(ids: ReadonlySet<number>): void {
    const isDropped = ({ id }: Task): boolean => ids.has(id);
    const dropped = remove(this.#waiting, isDropped);
    // Those that are being prepared may still bring the process down: they are inside until that is over.
    for (const id of this.#preparing.keys()) if (ids.has(id)) this.#unwanted.add(id);
    for (const { task, place } of remove(this.#prepared, ({ task }) => isDropped(task))) {
      dropped.push(task);
      this.#places.push(place);
    }
    if (dropped.length > 0) report({ kind: 'dropped', ids: dropped.map(({ id }) => id) });
    this.#prepareNext();
    this.#runNext();
  }

  #thread(options: ChildOptions): Worker {
    const workerData: PrepareThreadData = { options, tensors: this.#tensors };
    const thread = new Worker(new URL('./prepareThread.js', import.meta.url), { workerData });
    thread.on('message', (message: PrepareReport) => this.#onPrepared(message));
    // A thread that ends takes its pictures along: a fresh child begins clean.
    thread.on('error', (error) => crash(error));
    return thread;
  }

  #prepareNext(): void {
    while (this.#waiting.length > 0 && this.#places.length > 0) {
      if (this.#preparing.size >= this.#threads.length * PICTURES_PER_THREAD && this.#threads.length > 0) return;
      const place = this.#places.pop();
      const urgent = this.#waiting.findIndex(({ express }) => express);
      const [task] = this.#waiting.splice(Math.max(0, urgent), 1);
      if (task === undefined || place === undefined) return;
      const thread = this.#threads[this.#nextThread++ % Math.max(1, this.#threads.length)];
      if (thread === undefined) {
        this.#await({ task, place, prepared: undefined, sinceMs: performance.now() });
        continue;
      }
      this.#preparing.set(task.id, task);
      thread.postMessage({ task, place });
    }
  }

  #onPrepared(message: PrepareReport): void {
    const task = this.#preparing.get(message.id);
    if (task === undefined) return;
    this.#preparing.delete(message.id);
    if (this.#unwanted.delete(message.id)) {
      this.#places.push(message.place);
      report({ kind: 'dropped', ids: [message.id] });
      this.#prepareNext();
      this.#runNext();
      return;
    }
    if (message.kind === 'prepared') {
      this.#await({ task, place: message.place, prepared: message.prepared, sinceMs: performance.now() });
    } else {
      const { kind, reason, detail } = message;
      this.#places.push(message.place);
      this.#outbox.settle(task.id, { kind, reason, detail });
    }
    this.#prepareNext();
  }

  #await(prepared: PreparedTask): void {
    this.#prepared.push(prepared);
    this.#runNext();
  }

  /**
   * Runs what is prepared, or asks the pacer for it: at the moment when the model could run it, neither sooner, or grants
   * would wait in a busy child and be used together, nor later, or the model would idle.
   */
  #runNext(): void {
    if (this.#running) return;
    const ready = Math.min(this.#maxBatch, this.#prepared.length);
    const waitMs = this.#fillMs(ready);
    if (waitMs > 0) {
      this.#delay ??= setTimeout(() => {
        this.#delay = undefined;
        this.#runNext();
      }, Math.ceil(waitMs));
      return;
    }
    if (this.#isFree) {
      if (ready === 0) return;
      this.#outbox.runsFreely(ready);
      void this.#run(this.#take(ready), Date.now());
      return;
    }
    const express = Math.min(
      ready,
      count(this.#prepared, ({ task }) => task.express),
    );
    const bulk = ready - express;
    if (express === this.#asked.express && bulk === this.#asked.bulk) return;
    this.#asked = { express, bulk };
    report({ kind: 'want', express, bulk, grants: this.#grants });
  }

  /** How long a run that is not full waits for pictures that are being prepared. */
  #fillMs(ready: number): number {
    const [first] = this.#prepared;
    if (first === undefined || ready === this.#maxBatch || this.#preparing.size === 0) return 0;
    return first.sinceMs + this.#batchDelayMs - performance.now();
  }

  /** Express pictures first, then in the order in which they were prepared. */
  #take(count: number): PreparedTask[] {
    const express = this.#prepared.filter(({ task }) => task.express).slice(0, count);
    if (express.length === 0) return this.#prepared.splice(0, count);
    const bulk = this.#prepared.filter(({ task }) => !task.express).slice(0, count - express.length);
    const taken = new Set([...express, ...bulk]);
    remove(this.#prepared, (one) => taken.has(one));
    return [...taken];
  }

  async #run(run: PreparedTask[], grantedAtMs: number): Promise<void> {
    // What was granted was dropped meanwhile.
    if (run.length === 0) {
      this.#runNext();
      return;
    }
    this.#running = true;
    const startedAt = performance.now();
    try {
      const outputs = await this.session.run(this.#gather(run), run.length);
      for (const [index, { task, prepared = NO_PICTURE }] of run.entries()) {
        const detections = this.session.detections(outputs, index, prepared);
        const { width, height } = prepared;
        this.#outbox.settle(task.id, {
          kind: 'detected',
          image: { width, height, detections },
          detectedAtMs: grantedAtMs,
        });
      }
    } catch (error) {
      const detail = (error instanceof Error ? error.message : String(error)).slice(0, 200);
      for (const { task } of run) this.#outbox.settle(task.id, { kind: 'retry', reason: 'MODEL_FAILED', detail });
    }
    this.#outbox.ran(run.length, performance.now() - startedAt);
    for (const { place } of run) this.#places.push(place);
    this.#running = false;
    this.#prepareNext();
    this.#runNext();
  }

  /** The tensors of a run as one block: that of a single picture where it stands, those of several copied together. */
  #gather(run: PreparedTask[]): Float32Array | Uint8Array {
    if (this.model.file === null) return this.#batch;
    const all = this.#batch instanceof Float32Array ? new Float32Array(this.#tensors) : new Uint8Array(this.#tensors);
    const at = (place: number): Float32Array | Uint8Array =>
      all.subarray(place * this.#length, (place + 1) * this.#length);
    const [only] = run;
    if (run.length === 1 && only) return at(only.place);
    for (const [index, { place }] of run.entries()) this.#batch.set(at(place), index * this.#length);
    return this.#batch.subarray(0, run.length * this.#length);
  }
}

/** Takes out of a list what fits, and returns it. */
function remove<T>(items: T[], fits: (item: T) => boolean): T[] {
  const removed = items.filter(fits);
  if (removed.length > 0) items.splice(0, items.length, ...items.filter((item) => !fits(item)));
  return removed;
}

function count<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (holds(item) ? 1 : 0), 0);
}

const NO_PICTURE: Prepared = { width: 0, height: 0, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };

function crash(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

async function start(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
  process.on('disconnect', () => process.exit(0));
  // The parent decides when a child ends; a signal to the whole group must not lose what is inside.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  try {
    const model = await loadModel(options.modelDir);
    const session = await openSession(model, {
      provider: options.provider,
      deviceId: options.deviceId,
      threads: options.intraOpThreads,
    });
    const child = new Child(model, session, options);
    process.on('message', (order: Order) => child.obey(order));
  } catch (error) {
    report({ kind: 'unfit', message: error instanceof Error ? error.message : String(error) });
  }
}

await start();
