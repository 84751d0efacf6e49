import {
  DEAD_LETTERS_TOPIC,
  HELD_LANE,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  SINK_GROUP,
  sinkTableGroup,
} from '../domain/index.js';
import { serveRole, watchProblems, watchServer, type RoleContext, type RunningRole } from '../service/index.js';
import { consume, createBrokerCheck, createProducer, type RoleReading, type SliceHandler } from '../stream/index.js';
import { openTables } from '../tables/index.js';
import { awaitSchema, createWarehouse } from '../warehouse/index.js';
import { insertBlock } from './insertBlock.js';
import { sinkMetrics } from './metrics.js';
import { createSink, type SinkOptions } from './sink.js';
import { tableReader } from './tableRows.js';

/**
 * ClickHouse likes about one insert a second and table, of 10,000 rows or more: a block that has as many goes at once.
 * A small one costs it as much as thousands of rows, so only where images come one by one is the next block not waited
 * for as long: somebody may be waiting for that one image.
 */
const PACE = { minIntervalMs: 1_000, fullItems: 10_000, trickle: { items: 2, intervalMs: 250 } };
/** ClickHouse refuses a block of more than 100 partitions; half of that leaves room for other settings. */
const MAX_PARTITIONS = 50;

/** Role `sink`: writes events, results and dead letters into ClickHouse, and topics of others into tables of theirs. */
export function serve(): Promise<void> {
  return serveRole('sink', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, tracing, listen, stopping, fail } = context;
  const tables = await openTables(config);
  await listen();
  const warehouse = createWarehouse(config, log);
  await awaitSchema(warehouse, context);
  const producer = await createProducer({ config, log, metrics });
  const broker = createBrokerCheck(config, log);
  const kafka = watchServer('Kafka', (timeoutMs) => broker.ask(timeoutMs));
  const clickhouse = watchServer('ClickHouse', (timeoutMs) => warehouse.ping(timeoutMs));
  /** Inserts that are repeated, by who inserts and where to, and why. */
  const repeated = new Map<string, string>();
  const unwatch = watchProblems(context, 'clickhouse', () => [
    ...clickhouse.problems(),
    ...[...repeated].map(([name, why]) => `inserts into ${name} are repeated: ${why}`),
  ]);
  // What is being inserted may end, but a server that says nothing must not keep the role from leaving in order.
  const lastCall = new AbortController();
  const onStop = (): unknown => setTimeout(() => lastCall.abort(), config.PENSTOCK_SHUTDOWN_MS / 2).unref();
  stopping.addEventListener('abort', onStop, { once: true });
  const common = {
    insert: (block) =>
      insertBlock(warehouse, block, { timeoutMs: config.PENSTOCK_SINK_INSERT_TIMEOUT_MS, signal: lastCall.signal }),
    ...{ producer, tracing, log, stopping },
    retentionDays: warehouse.retentionDays,
    metrics: sinkMetrics(metrics),
  } satisfies Partial<SinkOptions>;
  /** `name` tells what of the role waits for ClickHouse; no other has it. */
  const sink = (name: string, own: Pick<SinkOptions, 'pace' | 'limits' | 'read'>): SliceHandler =>
    createSink({
      ...{ ...common, ...own },
      onWaiting: (sentence) => (sentence === undefined ? repeated.delete(name) : repeated.set(name, sentence)),
    });
  const read = (reading: Omit<RoleReading, 'server'>) => consume(context, { ...reading, server: kafka });
  const maxRows = config.PENSTOCK_SINK_MAX_ROWS;
  const lanes = [...config.PENSTOCK_LANES, HELD_LANE];
  // Not waited for: a topic of others that is not there keeps no result from its table.
  const others = tables.map(async (table) => {
    const { topic, everyMs } = table;
    const limits = { maxRows: table.maxRows ?? maxRows, maxPartitions: MAX_PARTITIONS };
    return read({
      ...{ name: `kafka ${topic}`, groupId: sinkTableGroup(topic), topics: [topic] },
      handler: sink(`${table.table} from ${topic}`, {
        pace: { minIntervalMs: everyMs },
        limits,
        read: tableReader(table),
      }),
    });
  });
  for (const other of others) other.catch((error: unknown) => stopping.aborted || fail(error));
  const consumer = await read({
    ...{ name: 'kafka', groupId: SINK_GROUP },
    topics: [IMAGE_RESULTS_TOPIC, DEAD_LETTERS_TOPIC, ...lanes.map(imageEventsTopic)],
    handler: sink("Penstock's tables", { pace: PACE, limits: { maxRows, maxPartitions: MAX_PARTITIONS } }),
  });
  return {
    stop: async () => {
      unwatch();
      for (const server of [kafka, clickhouse]) server.stop();
      // One that is still joining a group must not keep the others from draining.
      const closed = others.map(async (other) => (await other.catch(() => undefined))?.close());
      await Promise.all([consumer.close(), ...closed]);
      await broker.close();
      await producer.close();
      await warehouse.close();
    },
  };
}
