import type { Config } from '../config/index.js';
import type { Model } from './model/index.js';
import type { ChildOptions } from './protocol.js';

/** How much of the machine an engine takes. */
export interface EngineSettings {
  /** Child processes that own a model session. */
  children: number;
  /** Threads that download and prepare pictures, in each child. */
  prepareThreads: number;
  /** Most images in one model run, where the batch dimension of the model is dynamic. */
  batch: number;
  /** A child that says nothing for so long, with images inside, is ended. Default 60,000 ms. */
  silenceMs?: number;
}

/** What each child of an engine is started with. */
export function childOptions(config: Config, settings: EngineSettings, model: Model): ChildOptions {
  return {
    modelDir: model.dir,
    provider: config.PENSTOCK_EXECUTION_PROVIDER,
    deviceId: config.PENSTOCK_DEVICE_ID,
    intraOpThreads: config.PENSTOCK_DETECT_THREADS,
    prepareThreads: settings.prepareThreads,
    maxBatch: settings.batch,
    batchDelayMs: config.PENSTOCK_DETECT_BATCH_DELAY_MS,
    gcsEndpoint: config.PENSTOCK_GCS_ENDPOINT,
    gcsProject: config.PENSTOCK_GCS_PROJECT,
    maxBytes: config.PENSTOCK_IMAGE_MAX_BYTES,
    maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS,
    timeoutMs: config.PENSTOCK_IMAGE_TIMEOUT_MS,
    silenceMs: settings.silenceMs,
  };
}
