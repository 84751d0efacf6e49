import { BatchStarter, connectTemporal, followBatch, openBatches, type TemporalClient } from '../client/index.js';
import { dispatcherGroup, imageEventsTopic } from '../domain/index.js';
import { retryForever, serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createConsumer, createProducer, type StreamConsumer } from '../stream/index.js';
import { laneDispatcher } from './dispatcher.js';
import { dispatchMetrics } from './metrics.js';
import { Window } from './window.js';

/** The broker answers at the first record of a partition that is asked for; a long wait spares it empty answers. */
const FETCH_WAIT_MS = 1_000;

/** Role `dispatcher`: one consumer for each lane, so that a lane never waits behind another. */
export function serve(): Promise<void> {
  return serveRole('dispatcher', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, listen, waits, stopping, fail } = context;
  await listen();
  const waiting = { backoff: { firstMs: 250, maxMs: 5_000 }, signal: stopping };
  waits.set('temporal', 'connecting to Temporal');
  const temporal = await retryForever(connectTemporal, {
    ...waiting,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  waits.delete('temporal');
  waits.set('kafka', 'joining the consumer groups');
  const producer = await createProducer({ config, log, metrics });
  const observed = dispatchMetrics(metrics);
  const windows = new Map(config.PENSTOCK_LANES.map((lane) => [lane, new Window(config.PENSTOCK_WINDOW_BATCHES)]));
  const consumers = await Promise.all(
    [...windows].map(([lane, window]) =>
      retryForever(() => consumeLane(context, temporal, producer, lane, window, observed, fail), {
        ...waiting,
        onError: (error, tries, waitMs) => log.warn({ err: error, lane, tries, waitMs }, 'lane can not be read yet'),
      }),
    ),
  );
  const watch = setInterval(() => {
    const problems = consumers.flatMap((consumer) => consumer.problems());
    if (problems.length === 0) waits.delete('kafka');
    else waits.set('kafka', problems.join('; '));
    for (const [lane, { open }] of windows) observed.open.set({ lane }, open);
  }, 500);
  return {
    stop: async () => {
      clearInterval(watch);
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await producer.close();
      await temporal.connection.close();
    },
  };
}

async function consumeLane(
  { config, log, metrics, stopping }: RoleContext,
  { client }: TemporalClient,
  producer: Awaited<ReturnType<typeof createProducer>>,
  lane: string,
  window: Window,
  observed: ReturnType<typeof dispatchMetrics>,
  onFatal: (error: unknown) => void,
): Promise<StreamConsumer> {
  const starter = new BatchStarter(client);
  const topic = imageEventsTopic(lane);
  const follow = (workflowId: string): Promise<void> => followBatch(starter.handle(workflowId), stopping);
  // Batches that an earlier dispatcher left open count as well, whoever reads their partitions now.
  for (const workflowId of await openBatches(client, topic, 2 * config.PENSTOCK_WINDOW_BATCHES)) {
    window.hold(workflowId, () => follow(workflowId));
  }
  const maxImages = config.PENSTOCK_BATCH_MAX_IMAGES;
  return createConsumer({
    config,
    log,
    metrics,
    groupId: dispatcherGroup(lane),
    topics: [topic],
    onFatal,
    lingerMs: FETCH_WAIT_MS,
    handler: laneDispatcher({
      lane,
      express: lane === config.PENSTOCK_EXPRESS_LANE,
      lingerMs: config.PENSTOCK_BATCH_LINGER_MS,
      limits: { maxImages, maxBytes: config.PENSTOCK_BATCH_MAX_BYTES },
      maxAttempts: config.PENSTOCK_DETECT_ATTEMPTS,
      starter,
      follow,
      producer,
      window,
      metrics: observed,
      log,
    }),
  });
}
