import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ceiling } from './capacityFile.js';
import { CalibrationChoiceError, CalibrationError } from './errors.js';
import type { PartOptions, PartOrder, PartReport } from './partProtocol.js';
import { isStable, rateOf, rounded } from './windows.js';

/** How long a point is held. */
export interface Hold {
  /** Least length of a window. */
  windowMs: number;
  /** Windows that don't count. */
  warmUp: number;
  /** Most windows that do; it ends sooner where it is stable. */
  most: number;
}

type Window = Extract<PartReport, { kind: 'window' }>;

/** Some providers build their engine while the model loads. */
const LOADING_MS = 15 * 60_000;
/** A window that does not come for so long never will. */
const WINDOW_MS = 120_000;

/** As many child processes as a detector has, that all do one part of its work. */
export class PartProcesses {
  readonly #children: ChildProcess[];
  readonly #part: PartOptions['part'];
  #heard: (report: PartReport, child: number) => void = () => undefined;
  #run = 0;

  private constructor(count: number, options: PartOptions) {
    this.#part = options.part;
    this.#children = Array.from({ length: count }, (_, index) => {
      const child = fork(fileURLToPath(new URL('./partProcess.js', import.meta.url)), {
        // As the child processes of a detector are started: the same pool decodes, the same memory is kept.
        env: {
          MALLOC_ARENA_MAX: '2',
          ORT_DISABLE_TELEMETRY: '1',
          UV_THREADPOOL_SIZE: String(Math.max(4, options.prepareThreads + 2)),
          ...process.env,
        },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      child.on('message', (report: PartReport) => this.#heard(report, index));
      child.on('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : signal;
        this.#heard({ kind: 'failed', message: `its process ended (${how})`, isProvider: false }, index);
      });
      return child;
    });
  }

  /** Resolves when all are ready, with the most images that one model run takes. */
  static async open(count: number, options: PartOptions): Promise<{ processes: PartProcesses; maxBatch: number }> {
    const processes = new PartProcesses(count, options);
    try {
      const maxBatch = await processes.#open(options);
      return { processes, maxBatch };
    } catch (error) {
      processes.close();
      throw error;
    }
  }

  #open(options: PartOptions): Promise<number> {
    const batches = new Map<number, number>();
    const ready = this.#listen<number>(LOADING_MS, (report, child, resolve) => {
      if (report.kind !== 'ready') return;
      batches.set(child, report.maxBatch === 'dynamic' ? Infinity : report.maxBatch);
      if (batches.size === this.#children.length) resolve(Math.min(...batches.values()));
    });
    this.#order({ kind: 'open', options });
    return ready;
  }

  /** Holds it until it is stable. `batch` matters to model runs alone. */
  async hold(batch: number, { windowMs, warmUp, most }: Hold): Promise<Ceiling> {
    const run = ++this.#run;
    const windows = this.#children.map((): Window[] => []);
    const rates: number[] = [];
    const held = this.#listen<boolean>(WINDOW_MS, (report, child, resolve) => {
      if (report.kind !== 'window' || report.run !== run) return;
      windows[child]?.push(report);
      // The windows of the processes are not exactly of one time, but each is exactly as long as it says.
      const round = warmUp + rates.length;
      const ofRound = windows.flatMap((own) => own[round] ?? []);
      if (ofRound.length < windows.length) return;
      rates.push(ofRound.reduce((sum, { images, ms }) => sum + (images / ms) * 1000, 0));
      if (isStable(rates) || rates.length >= most) resolve(isStable(rates));
    });
    this.#order({ kind: 'run', run, batch, windowMs });
    const stable = await held;
    this.#order({ kind: 'pause' });
    const counted = windows.flatMap((own) => own.slice(warmUp, warmUp + rates.length));
    const images = counted.reduce((sum, window) => sum + window.images, 0);
    const cpuMs = counted.reduce((sum, window) => sum + window.cpuMs, 0);
    return { imagesPerSecond: rateOf(rates), cpuMsPerImage: rounded(cpuMs / Math.max(1, images)), isStable: stable };
  }

  close(): void {
    this.#heard = () => undefined;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #order(order: PartOrder): void {
    for (const child of this.#children) if (child.connected) child.send(order);
  }

  /** Resolves as `hear` says; rejects when a process fails, or none is heard for `silenceMs`. */
  #listen<T>(
    silenceMs: number,
    hear: (report: PartReport, child: number, resolve: (value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new CalibrationError(`${this.#part}: nothing was heard of its processes for ${silenceMs / 1000} s`));
      }, silenceMs);
      const settled = (then: () => void): void => {
        clearTimeout(late);
        this.#heard = () => undefined;
        then();
      };
      this.#heard = (report, child) => {
        late.refresh();
        if (report.kind !== 'failed') {
          hear(report, child, (value) => settled(() => resolve(value)));
          return;
        }
        const Kind = report.isProvider ? CalibrationChoiceError : CalibrationError;
        settled(() => reject(new Kind(`${this.#part}: ${report.message}`)));
      };
    });
  }
}
