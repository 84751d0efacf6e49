import type { Config } from '../config/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { leave, type Caller, type DetectRequest, type SettledImage, type Waiting } from './caller.js';
import { InferenceChild, type SettledTask } from './childProcess.js';
import type { Model } from './model/index.js';
import { engineMetrics, type EngineMetrics } from './metrics.js';
import type { Pacer } from './pacer.js';
import { childOptions, type EngineSettings } from './options.js';
import type { ChildOptions, ImageOutcome, Task } from './protocol.js';

export interface Engine {
  /** Resolves once every image has its outcome or is taken back. */
  detect(request: DetectRequest): Promise<void>;
  /** True while at least one child can take images. */
  isReady(): boolean;
  /** How long images have waited for the pacer without one being granted; milliseconds. */
  starvedMs(): number;
  close(): Promise<void>;
}

const RESTART_FIRST_MS = 200;
const RESTART_MAX_MS = 10_000;
/** Children in a row that end without having served: the fault is not a picture's. */
const UNFIT_AFTER_DEATHS = 5;
/**
 * Images in a row whose model run failed. A provider that is lost fails every one of them, fast, and so draws all work to
 * itself; a fresh process may have it again.
 */
const UNFIT_AFTER_FAILURES = 50;
/** A child that ends sooner after its start has not served. */
const QUICK_MS = 30_000;

/**
 * Feeds the child processes that own the model sessions. Knows which image is in which child: when a child dies, each
 * image that was inside is tried alone in a fresh child, and only one that kills it again is dead (`POISON`).
 */
export function createEngine(options: {
  config: Config;
  settings: EngineSettings;
  model: Model;
  /** Closed with the engine. */
  pacer: Pacer;
  log: Logger;
  metrics: Metrics;
  /** Called when no child can serve for a fault of the model or its provider. */
  onUnfit: (message: string) => void;
}): Engine {
  return new ChildEngine(options);
}

class ChildEngine implements Engine {
  readonly #options: Parameters<typeof createEngine>[0];
  readonly #childOptions: ChildOptions;
  readonly #pacer: Pacer;
  readonly #children = new Set<InferenceChild>();
  readonly #express: Waiting[] = [];
  readonly #bulk: Waiting[] = [];
  readonly #inside = new Map<number, Waiting>();
  readonly #suspects: Waiting[] = [];
  readonly #metrics: EngineMetrics;
  #isolation: InferenceChild | undefined;
  /** Children for suspects, in a row, that ended with no suspect inside. */
  #emptyIsolations = 0;
  #closed = false;
  #maxBatch = 1;
  #quickDeaths = 0;
  #failedInARow = 0;
  #nextId = 1;

  constructor(options: Parameters<typeof createEngine>[0]) {
    const { config, metrics, model, settings } = options;
    this.#options = options;
    this.#childOptions = childOptions(config, settings, model);
    this.#pacer = options.pacer;
    this.#metrics = engineMetrics(metrics, this.#pacer);
    for (let child = 0; child < settings.children; child += 1) this.#startChild();
  }

  detect(request: DetectRequest): Promise<void> {
    const { express, images, signal } = request;
    if (images.length === 0) return Promise.resolve();
    return new Promise((done) => {
      const caller = { ...request, left: images.length, done };
      const queue = express ? this.#express : this.#bulk;
      for (const [image, { bucket, object, generation }] of images.entries()) {
        const task = { id: this.#nextId++, bucket, object, generation, express };
        queue.push({ task, caller, image });
      }
      signal.addEventListener('abort', () => this.#takeBack(caller), { once: true });
      this.#feed();
    });
  }

  isReady(): boolean {
    return [...this.#children].some((child) => child.isReady);
  }

  starvedMs(): number {
    return this.#pacer.starvedMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const children = this.#isolation ? [...this.#children, this.#isolation] : [...this.#children];
    await Promise.all(children.map((child) => child.close()));
    this.#pacer.close();
  }

  /** Gives every child as many images as it has room for; express first. */
  #feed(): void {
    for (const child of this.#children) {
      const room = child.room;
      if (room <= 0) continue;
      const next = [...this.#express.splice(0, room)];
      next.push(...this.#bulk.splice(0, room - next.length));
      if (next.length > 0) this.#give(child, next);
    }
  }

  #give(child: InferenceChild, waiting: Waiting[]): void {
    for (const one of waiting) this.#inside.set(one.task.id, one);
    child.give(waiting.map(({ task }) => task));
  }

  #settle(settled: readonly SettledTask[]): void {
    const callers = new Map<Caller, SettledImage[]>();
    const counts = { detected: 0, retry: 0, dead: 0 };
    for (const { task, outcome } of settled) {
      counts[outcome.kind] += 1;
      const waiting = this.#inside.get(task.id);
      this.#inside.delete(task.id);
      this.#watchRuns(outcome);
      if (waiting === undefined) continue;
      const images = callers.get(waiting.caller) ?? [];
      if (images.push({ image: waiting.image, outcome }) === 1) callers.set(waiting.caller, images);
    }
    for (const [outcome, images] of Object.entries(counts))
      if (images > 0) this.#metrics.images.inc({ outcome }, images);
    for (const [caller, images] of callers) {
      caller.onOutcomes(images);
      leave(caller, images.length);
    }
  }

  #forget(ids: readonly number[]): void {
    for (const id of ids) {
      const waiting = this.#inside.get(id);
      this.#inside.delete(id);
      if (waiting !== undefined) leave(waiting.caller);
    }
  }

  #observeRuns(runs: readonly number[], busyMs: number): void {
    for (const images of runs) {
      this.#metrics.runImages.observe(images);
      this.#metrics.runPlaces.inc(this.#maxBatch);
    }
    this.#metrics.modelBusy.inc(busyMs / 1000);
  }

  #watchRuns(outcome: ImageOutcome): void {
    if (outcome.kind === 'detected') this.#failedInARow = 0;
    if (outcome.kind !== 'retry' || outcome.reason !== 'MODEL_FAILED' || this.#closed) return;
    this.#failedInARow += 1;
    if (this.#failedInARow === UNFIT_AFTER_FAILURES)
      this.#options.onUnfit(`the model failed on ${UNFIT_AFTER_FAILURES} images in a row, lastly: ${outcome.detail}`);
  }

  #takeBack(caller: Caller): void {
    const isTheirs = (waiting: Waiting): boolean => waiting.caller === caller;
    const inside = [...this.#inside.values()].filter(isTheirs);
    for (const queue of [this.#express, this.#bulk, this.#suspects]) {
      const back = queue.filter(isTheirs);
      queue.splice(0, queue.length, ...queue.filter((waiting) => !isTheirs(waiting)));
      if (back.length > 0) leave(caller, back.length);
    }
    const ids = inside.map(({ task }) => task.id);
    for (const child of this.#children) child.drop(ids);
    this.#isolation?.drop(ids);
  }

  #startChild(): void {
    if (this.#closed) return;
    const startedAt = performance.now();
    let isFit = false;
    const child: InferenceChild = new InferenceChild(this.#childOptions, undefined, this.#pacer, this.#options.log, {
      ready: (maxBatch) => {
        isFit = true;
        // What one model run is, a child knows once it has the model.
        this.#maxBatch = maxBatch;
        this.#pacer.setDepth(maxBatch);
      },
      outcomes: (settled) => this.#settle(settled),
      room: () => this.#feed(),
      dropped: (ids) => this.#forget(ids),
      ran: (runs, busyMs) => this.#observeRuns(runs, busyMs),
      ended: (inside, unfit) => {
        this.#children.delete(child);
        if (this.#closed) return;
        this.#metrics.childDeaths.inc();
        if (unfit !== undefined) {
          this.#options.onUnfit(unfit);
          return;
        }
        this.#suspect(inside);
        this.#quickDeaths = !isFit || performance.now() - startedAt < QUICK_MS ? this.#quickDeaths + 1 : 0;
        if (!isFit && this.#quickDeaths >= UNFIT_AFTER_DEATHS) {
          this.#options.onUnfit(NEVER_LOADED);
          return;
        }
        setTimeout(() => this.#startChild(), restartAfterMs(this.#quickDeaths));
      },
    });
    this.#children.add(child);
  }

  #suspect(tasks: Task[]): void {
    for (const { id } of tasks) {
      const waiting = this.#inside.get(id);
      this.#inside.delete(id);
      if (waiting?.caller.signal.aborted) leave(waiting.caller);
      else if (waiting !== undefined) this.#suspects.push(waiting);
    }
    this.#isolate();
  }

  /** One child at a time for suspects, one image at a time inside it. Ends with the last suspect. */
  #isolate(): void {
    if (this.#isolation || this.#suspects.length === 0 || this.#closed) return;
    this.#options.log.warn({ suspects: this.#suspects.length }, 'a child died: its images are tried alone');
    let hasServed = false;
    let isClosing = false;
    // Not one of #children: it must never be given anything but a suspect.
    const child: InferenceChild = new InferenceChild(this.#childOptions, 1, this.#pacer, this.#options.log, {
      ready: () => undefined,
      outcomes: (settled) => {
        hasServed = true;
        this.#settle(settled);
      },
      room: () => {
        const next = this.#suspects.shift();
        if (next) {
          this.#give(child, [next]);
          return;
        }
        isClosing = true;
        void child.close();
      },
      dropped: (ids) => this.#forget(ids),
      ran: (runs, busyMs) => this.#observeRuns(runs, busyMs),
      ended: ([killer], unfit) => {
        this.#isolation = undefined;
        if (this.#closed) return;
        if (!isClosing) this.#metrics.childDeaths.inc();
        this.#emptyIsolations = killer || hasServed || isClosing ? 0 : this.#emptyIsolations + 1;
        if (killer) {
          const detail = 'its child process died twice, the second time with this picture alone';
          this.#settle([{ task: killer, outcome: { kind: 'dead', reason: 'POISON', detail } }]);
        }
        if (unfit !== undefined) this.#options.onUnfit(unfit);
        else if (this.#emptyIsolations >= UNFIT_AFTER_DEATHS) this.#options.onUnfit(NEVER_LOADED);
        else setTimeout(() => this.#isolate(), killer ? 0 : restartAfterMs(this.#emptyIsolations));
      },
    });
    this.#isolation = child;
  }
}

const NEVER_LOADED = 'child processes end before they have loaded the model; the log has what they wrote';

function restartAfterMs(deathsInARow: number): number {
  return Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** Math.min(deathsInARow, 10));
}
