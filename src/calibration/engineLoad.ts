import type { Config } from '../config/index.js';
import type { ImageRef } from '../domain/index.js';
import { createEngine, Pacer, type Engine, type EngineSettings, type Model } from '../inference/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import type { Point } from './capacityFile.js';
import { CalibrationError } from './errors.js';
import type { Hold } from './partProcesses.js';
import { LoadWindows } from './loadWindows.js';
import { REQUEST_IMAGES, Requests } from './requests.js';

/** A window is of so many model runs of each child at least: fewer, and where it begins decides what it holds. */
const RUNS_PER_WINDOW = 4;
const LOADING_MS = 15 * 60_000;
const ASK_EVERY_MS = 20;

export interface EngineLoadOptions {
  config: Config;
  model: Model;
  log: Logger;
  metrics: Metrics;
  images: readonly ImageRef[];
  settings: EngineSettings;
}

/** The whole engine, as a detector runs it, under a constant number of requests; no Temporal, no Kafka, no cap. */
export class EngineLoad {
  #unfit: string | undefined;
  readonly #engine: Engine;

  private constructor(private readonly options: EngineLoadOptions) {
    // Each engine registers its counters.
    options.metrics.registry.clear();
    const pacer = new Pacer({ fillMs: options.config.PENSTOCK_DETECT_BATCH_DELAY_MS });
    pacer.lease(Infinity, Infinity);
    this.#engine = createEngine({
      ...options,
      pacer,
      onUnfit: (message) => (this.#unfit = message),
    });
  }

  /** Resolves when it takes images. Throws CalibrationError where the model or its provider can't serve. */
  static async open(options: EngineLoadOptions): Promise<EngineLoad> {
    const load = new EngineLoad(options);
    const deadline = performance.now() + LOADING_MS;
    while (!load.#engine.isReady()) {
      if (load.#unfit !== undefined || performance.now() > deadline) {
        await load.close();
        throw new CalibrationError(load.#unfit ?? `no child process was ready after ${LOADING_MS / 60_000} minutes`);
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
    return load;
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** Holds `slots` requests in flight until the rate is stable. Throws CalibrationError where too many images fail. */
  async hold(slots: number, hold: Hold): Promise<Point> {
    const { images, settings } = this.options;
    const { children, batch } = settings;
    const least = Math.min(RUNS_PER_WINDOW * batch * children, REQUEST_IMAGES * slots);
    const windows = new LoadWindows({ ...hold, least });
    const requests = new Requests(this.#engine, images, windows);
    try {
      await requests.until(slots, () => this.#unfit);
      return { children, batch, slots, ...windows.measured() };
    } finally {
      requests.stop();
    }
  }
}
