import { availableParallelism } from 'node:os';
import type { Config } from '../config/index.js';
import type { Model } from './model/index.js';
import type { ChildOptions } from './protocol.js';

/** Child processes of an engine. */
export function childCount(config: Config): number {
  if (config.PENSTOCK_DETECT_CHILDREN > 0) return config.PENSTOCK_DETECT_CHILDREN;
  return config.PENSTOCK_EXECUTION_PROVIDER === 'cpu' ? availableParallelism() : 1;
}

/** What each of them is started with. */
export function childOptions(config: Config, model: Model): ChildOptions {
  const onCpu = config.PENSTOCK_EXECUTION_PROVIDER === 'cpu';
  const prepareThreads = config.PENSTOCK_DECODE_THREADS || (onCpu ? 1 : availableParallelism());
  const maxBatch = config.PENSTOCK_DETECT_MODEL_BATCH;
  return {
    modelDir: model.dir,
    provider: config.PENSTOCK_EXECUTION_PROVIDER,
    deviceId: config.PENSTOCK_DEVICE_ID,
    intraOpThreads: config.PENSTOCK_DETECT_THREADS,
    prepareThreads,
    maxBatch,
    batchDelayMs: config.PENSTOCK_DETECT_BATCH_DELAY_MS,
    gcsEndpoint: config.PENSTOCK_GCS_ENDPOINT,
    gcsProject: config.PENSTOCK_GCS_PROJECT,
    maxBytes: config.PENSTOCK_IMAGE_MAX_BYTES,
    maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS,
    timeoutMs: config.PENSTOCK_IMAGE_TIMEOUT_MS,
  };
}
