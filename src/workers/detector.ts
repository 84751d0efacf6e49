import { fileURLToPath } from 'node:url';
import { createDetectionActivities, createResultPublisher } from '../activities/index.js';
import { detectQueue } from '../domain/index.js';
import { createEngine, loadModel, LONGEST_HANG_MS } from '../inference/index.js';
import { serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createProducer } from '../stream/index.js';
import { connectWorker, installRuntime, runWorker } from './factory.js';

/** The model that comes with Penstock. */
const DEFAULT_MODEL_DIR = fileURLToPath(new URL('../../models/shapes', import.meta.url));

/** Role `detector`: fixed slots on the GPU task queue of its model, and a few kept for express work. */
export function serve(): Promise<void> {
  return serveRole('detector', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, listen, waits, fail } = context;
  await listen();
  installRuntime(context);
  const model = await loadModel(config.PENSTOCK_MODEL_DIR ?? DEFAULT_MODEL_DIR);
  const engine = createEngine({ config, model, log, metrics, onUnfit: (message) => fail(new Error(message)) });
  const producer = await createProducer({ config, log, metrics });
  const { connection, namespace } = await connectWorker(context);
  const activities = createDetectionActivities({
    engine,
    publish: createResultPublisher(producer),
    modelId: model.id,
    stallMs: 30_000 + 2 * config.PENSTOCK_IMAGE_TIMEOUT_MS + LONGEST_HANG_MS,
    log,
  });
  const queue = (express: boolean, slots: number): ReturnType<typeof runWorker> =>
    runWorker(context, {
      connection,
      namespace,
      taskQueue: detectQueue(model.name, express),
      activities: { ...activities },
      maxConcurrentActivityTaskExecutions: slots,
      maxConcurrentActivityTaskPolls: Math.min(2, slots),
    });
  const workers = await Promise.all([
    queue(false, config.PENSTOCK_DETECT_SLOTS),
    queue(true, config.PENSTOCK_DETECT_EXPRESS_SLOTS),
  ]);
  log.info({ model: model.id, slots: config.PENSTOCK_DETECT_SLOTS }, 'detector serves');
  const readiness = setInterval(() => {
    if (engine.isReady()) waits.delete('model');
    else waits.set('model', 'no child process has the model loaded');
  }, 500);
  waits.set('model', 'loading');
  return {
    stop: async () => {
      clearInterval(readiness);
      await Promise.all(workers.map((worker) => worker.stop()));
      await engine.close();
      await producer.close();
      await connection.close();
    },
  };
}
