import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../telemetry/index.js';
import type { Grant, Pacer } from './pacer.js';
import type { ChildOptions, ImageOutcome, Order, Report, Task } from './protocol.js';

/** What became of an image inside. */
export interface SettledTask {
  task: Task;
  outcome: ImageOutcome;
}

/** What a child tells its owner. */
export interface ChildEvents {
  /** `maxBatch`: most images in one model run. */
  ready: (maxBatch: number) => void;
  /** All that was told together. */
  outcomes: (settled: readonly SettledTask[]) => void;
  /** Places became free. */
  room: () => void;
  /** Images that nobody waits for have left it without an outcome. */
  dropped: (ids: readonly number[]) => void;
  /** Images in each model run, and how long the model was at work with them; milliseconds. */
  ran: (runs: readonly number[], busyMs: number) => void;
  /** It ended; `inside` are the images that were in it. `unfit` when model or provider are at fault. */
  ended: (inside: Task[], unfit: string | undefined) => void;
}

const PING_EVERY_MS = 5_000;
/** A child that says nothing for so long, with images inside, hangs in native code. */
const SILENCE_MS = 60_000;
/** Some providers build their engine while the model loads, on the thread that would answer. */
const LOADING_MS = 15 * 60_000;
/** A picture that hangs its child, and then hangs another one alone, has its outcome after so long; milliseconds. */
export const LONGEST_HANG_MS = 2 * (SILENCE_MS + PING_EVERY_MS);
/** V8 lets the young generation grow to three times the semi-space (16 MB by default), in each thread of a child. */
const HEAP_FLAGS = ['--max-old-space-size=192', '--max-semi-space-size=2'];

/** Pictures decode on libuv's pool, which a process has one of, however many threads ask for it; DNS waits there too. */
function threadPoolSize({ prepareThreads }: ChildOptions): number {
  return Math.max(4, prepareThreads + 2);
}

/** The parent's side of one child process: knows at any moment which images are inside. */
export class InferenceChild {
  readonly #process: ChildProcess;
  readonly #inside = new Map<number, Task>();
  readonly #watch: NodeJS.Timeout;
  readonly #silenceMs: number;
  readonly #grant: Grant = (count, atMs, unused) => {
    this.#granted += 1;
    this.#unused = unused;
    this.#order({ kind: 'grant', count, atMs });
  };
  #granted = 0;
  #unused: (images: number) => void = () => undefined;
  #unwatch: () => void = () => undefined;
  #heardAt = performance.now();
  #unfit: string | undefined;
  #ready = false;
  #places = 0;
  #ended = false;

  constructor(
    options: ChildOptions,
    /** Most images inside; undefined leaves it to the child. */
    private readonly limit: number | undefined,
    private readonly pacer: Pacer,
    private readonly log: Logger,
    private readonly events: ChildEvents,
  ) {
    this.#process = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [JSON.stringify(options)], {
      execArgv: HEAP_FLAGS,
      // glibc keeps an arena for every thread that decodes: 30 MB more in each child, for no speed.
      env: {
        MALLOC_ARENA_MAX: '2',
        ORT_DISABLE_TELEMETRY: '1',
        UV_THREADPOOL_SIZE: String(threadPoolSize(options)),
        ...process.env,
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      log.warn({ child: this.pid, stderr: chunk.toString('utf8').slice(0, 2000) }, 'child wrote to stderr');
    });
    this.#process.on('message', (message: Report) => this.#hear(message));
    // Not at `exit`, which may come before its last messages: an image that it has settled must not be suspected.
    this.#process.once('close', (code, signal) => this.#onEnd(code, signal));
    this.#process.on('error', (error) => {
      log.error({ err: error }, 'child process');
      // It never started.
      if (this.pid === undefined) this.#onEnd(null, null);
    });
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#watch = setInterval(() => this.#checkLiveness(), PING_EVERY_MS);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isReady(): boolean {
    return this.#ready && !this.#ended;
  }

  /** How many more images it may be given. */
  get room(): number {
    return this.isReady ? (this.limit ?? this.#places) - this.#inside.size : 0;
  }

  give(tasks: Task[]): void {
    for (const task of tasks) this.#inside.set(task.id, task);
    this.#order({ kind: 'tasks', tasks });
  }

  /** Nobody waits for these any more. Those that do not run yet leave it, which `dropped` tells. */
  drop(ids: number[]): void {
    const inside = ids.filter((id) => this.#inside.has(id));
    if (inside.length > 0) this.#order({ kind: 'drop', ids: inside });
  }

  /** Ends it; what is inside is reported by `ended`. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Resolves once it has ended. */
  async close(): Promise<void> {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.kill();
    await ended;
  }

  #order(order: Order): void {
    if (this.#process.connected)
      this.#process.send(order, (error) => error && this.log.debug({ err: error }, 'child is gone'));
  }

  #hear(message: Report): void {
    if (this.#ended) return;
    this.#heardAt = performance.now();
    switch (message.kind) {
      case 'ready':
        this.#ready = true;
        this.#places = message.places;
        this.events.ready(message.maxBatch);
        this.#unwatch = this.pacer.watch({ free: (isFree) => this.#order({ kind: 'free', isFree }) });
        this.events.room();
        break;
      case 'unfit':
        this.#unfit = message.message;
        this.kill();
        break;
      case 'want':
        // Said before it had the last grant: what it wants after that run it will say.
        if (message.grants === this.#granted)
          this.pacer.request({ express: message.express, bulk: message.bulk }, this.#grant);
        break;
      case 'unused':
        this.#unused(message.images);
        break;
      case 'ran':
        this.pacer.ran(message.free);
        this.events.ran(message.runs, message.busyMs);
        break;
      case 'outcomes':
        this.events.outcomes(message.outcomes.flatMap((one) => this.#settled(one)));
        this.events.room();
        break;
      case 'dropped':
        for (const id of message.ids) this.#inside.delete(id);
        this.events.dropped(message.ids);
        this.events.room();
        break;
      case 'pong':
        break;
    }
  }

  #settled({ id, outcome }: { id: number; outcome: ImageOutcome }): SettledTask[] {
    const task = this.#inside.get(id);
    this.#inside.delete(id);
    return task === undefined ? [] : [{ task, outcome }];
  }

  #checkLiveness(): void {
    const silentMs = performance.now() - this.#heardAt;
    if (this.#ready ? silentMs > this.#silenceMs && this.#inside.size > 0 : silentMs > LOADING_MS) {
      this.log.error({ child: this.pid, silentMs: Math.round(silentMs) }, 'child hangs, it is killed');
      this.kill();
    } else if (this.#ready) {
      this.#order({ kind: 'ping' });
    }
  }

  #onEnd(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#watch);
    this.#unwatch();
    this.pacer.withdraw(this.#grant);
    const inside = [...this.#inside.values()];
    this.#inside.clear();
    this.log.info({ child: this.pid, code, signal, inside: inside.length }, 'child ended');
    this.events.ended(inside, this.#unfit);
  }
}
