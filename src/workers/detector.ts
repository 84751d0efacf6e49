import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createDetectionActivities, createResultPublisher } from '../activities/index.js';
import { detectorSettings } from '../calibration/index.js';
import { detectQueue } from '../domain/index.js';
import { createEngine, loadModel, LONGEST_HANG_MS, Pacer } from '../inference/index.js';
import { serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createStorageCheck } from '../storage/index.js';
import { createProducer } from '../stream/index.js';
import { detectorMetrics } from './detectorMetrics.js';
import { closeConnection, connectWorker, installRuntime, runWorker } from './factory.js';
import { holdShare } from './share.js';
import { WorkerSwitch } from './switch.js';
import { watchServers } from './watchServers.js';

/** The model that comes with Penstock. */
const DEFAULT_MODEL_DIR = fileURLToPath(new URL('../../models/shapes', import.meta.url));

const READY_EVERY_MS = 100;

/** Role `detector`: fixed slots on the GPU task queue of its model, and a few kept for express work. */
export function serve(): Promise<void> {
  return serveRole('detector', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, tracing, listen, waits, stopping, fail } = context;
  await listen();
  await installRuntime(context);
  const model = await loadModel(config.PENSTOCK_MODEL_DIR ?? DEFAULT_MODEL_DIR);
  const settings = await detectorSettings(config, model);
  if (settings.refusal !== undefined) log.warn({ file: config.PENSTOCK_CAPACITY_FILE }, settings.refusal);
  const onUnfit = (message: string): void => fail(new Error(message));
  const observed = detectorMetrics(metrics);
  observed.slots.set({ queue: 'bulk' }, settings.slots);
  observed.slots.set({ queue: 'express' }, config.PENSTOCK_DETECT_EXPRESS_SLOTS);
  if (settings.imagesPerSecond > 0) observed.limit.set({ model: model.name }, settings.imagesPerSecond);
  const pacer = new Pacer({ fillMs: config.PENSTOCK_DETECT_BATCH_DELAY_MS });
  const engine = createEngine({ config, settings, model, pacer, log, metrics, onUnfit });
  const producer = await createProducer({ config, log, metrics });
  const { connection, namespace } = await connectWorker(context);
  const storage = { endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT };
  const unwatch = watchServers(context, connection, {
    storage: { server: 'the storage', ask: createStorageCheck(storage) },
  });
  const activities = createDetectionActivities({
    engine,
    publish: createResultPublisher(producer),
    modelId: model.id,
    ...{ observer: observed, tracing },
    stallMs: 30_000 + 2 * config.PENSTOCK_IMAGE_TIMEOUT_MS + LONGEST_HANG_MS,
    log,
  });
  const queue = (express: boolean, slots: number): WorkerSwitch =>
    new WorkerSwitch(
      () =>
        runWorker(context, {
          connection,
          namespace,
          taskQueue: detectQueue(model.name, express),
          activities: { ...activities },
          maxConcurrentActivityTaskExecutions: slots,
          maxConcurrentActivityTaskPolls: Math.min(2, slots),
        }),
      fail,
    );
  const bulk = queue(false, settings.slots);
  const express = queue(true, config.PENSTOCK_DETECT_EXPRESS_SLOTS);
  // A share is of use to who can infer; until then it is another's.
  waits.set('model', 'loading');
  while (!engine.isReady()) await sleep(READY_EVERY_MS, undefined, { signal: stopping });
  waits.delete('model');
  const share = await holdShare(
    context,
    {
      ...{ model: model.name, pacer, slots: settings.slots, observed },
      most: settings.imagesPerSecond || null,
    },
    (standing) => {
      const serves = standing.kind === 'serves';
      bulk.set(serves && !standing.isExhausted);
      express.set(serves && (!standing.isExhausted || standing.expressBeyond));
    },
  );
  pacer.watch({ low: () => share.renew() });
  const { slots, batch, children, imagesPerSecond, source, sentence } = settings;
  log.info({ model: model.id, slots, batch, children, imagesPerSecond, source }, `detector serves: ${sentence}`);
  const readiness = setInterval(() => {
    if (engine.isReady()) waits.delete('model');
    else waits.set('model', 'no child process has the model loaded');
  }, 500);
  return {
    stop: async () => {
      clearInterval(readiness);
      await unwatch();
      await Promise.all([bulk.close(), express.close()]);
      await share.leave();
      await engine.close();
      await producer.close();
      await closeConnection(context, connection);
    },
  };
}
