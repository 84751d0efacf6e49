import { DEAD_LETTERS_TOPIC, HELD_LANE, IMAGE_RESULTS_TOPIC, imageEventsTopic, SINK_GROUP } from '../domain/index.js';
import {
  retryForever,
  serveRole,
  watchProblems,
  watchServer,
  type RoleContext,
  type RunningRole,
} from '../service/index.js';
import { createBrokerCheck, createConsumer, createProducer } from '../stream/index.js';
import { awaitSchema, createWarehouse } from '../warehouse/index.js';
import { insertRows } from './insertRows.js';
import { sinkMetrics } from './metrics.js';
import { createSink } from './sink.js';

/**
 * ClickHouse likes about one insert a second and table, of 10,000 rows or more: a block that has as many goes at once.
 * While next to nothing comes, small parts are few whatever the interval, and somebody may be waiting for the one image.
 */
const PACE = { minIntervalMs: 1_000, fullItems: 10_000, trickle: { items: 100, intervalMs: 250 } };
/** ClickHouse refuses a block of more than 100 partitions; half of that leaves room for other settings. */
const MAX_PARTITIONS = 50;

/** Role `sink`: writes events, results and dead letters into ClickHouse. */
export function serve(): Promise<void> {
  return serveRole('sink', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, listen, stopping, fail } = context;
  await listen();
  const warehouse = createWarehouse(config, log);
  await awaitSchema(warehouse, context);
  const producer = await createProducer({ config, log, metrics });
  const broker = createBrokerCheck(config, log);
  const kafka = watchServer('Kafka', (timeoutMs) => broker.ask(timeoutMs));
  const clickhouse = watchServer('ClickHouse', (timeoutMs) => warehouse.ping(timeoutMs));
  let reading = (): string[] => ['joining the consumer group'];
  let inserts: string | undefined;
  const watches = [
    watchProblems(context, 'kafka', () => [...kafka.problems(), ...reading()]),
    watchProblems(context, 'clickhouse', () => [
      ...clickhouse.problems(),
      ...(inserts === undefined ? [] : [`inserts are repeated: ${inserts}`]),
    ]),
  ];
  // What is being inserted may end, but a server that says nothing must not keep the role from leaving in order.
  const lastCall = new AbortController();
  const onStop = (): unknown => setTimeout(() => lastCall.abort(), config.PENSTOCK_SHUTDOWN_MS / 2).unref();
  stopping.addEventListener('abort', onStop, { once: true });
  const handler = createSink({
    insert: (rows) =>
      insertRows(warehouse, rows, { timeoutMs: config.PENSTOCK_SINK_INSERT_TIMEOUT_MS, signal: lastCall.signal }),
    producer,
    pace: PACE,
    retentionDays: warehouse.retentionDays,
    limits: { maxRows: config.PENSTOCK_SINK_MAX_ROWS, maxPartitions: MAX_PARTITIONS },
    metrics: sinkMetrics(metrics),
    log,
    stopping,
    onWaiting: (sentence) => (inserts = sentence),
  });
  const lanes = [...config.PENSTOCK_LANES, HELD_LANE];
  const consumer = await retryForever(
    () =>
      createConsumer({
        config,
        log,
        metrics,
        groupId: SINK_GROUP,
        topics: [IMAGE_RESULTS_TOPIC, DEAD_LETTERS_TOPIC, ...lanes.map(imageEventsTopic)],
        handler,
        onFatal: fail,
        // One byte ends the wait; a longer one only spares the broker empty answers.
        lingerMs: 1_000,
        maxBytesPerPartition: 2 * 1_048_576,
      }),
    {
      backoff: { firstMs: 250, maxMs: 5_000 },
      signal: stopping,
      onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'topics can not be read yet'),
    },
  );
  reading = () => consumer.problems();
  return {
    stop: async () => {
      for (const end of watches) end();
      for (const server of [kafka, clickhouse]) server.stop();
      await consumer.close();
      await broker.close();
      await producer.close();
      await warehouse.close();
    },
  };
}
