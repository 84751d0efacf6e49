import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  askTemporal,
  askWindow,
  BatchStarter,
  connectTemporal,
  followBatch,
  openBatches,
  readBreakers,
  readCapacity,
  type TemporalClient,
} from '../client/index.js';
import { dispatcherGroup, HELD_LANE, imageEventsTopic } from '../domain/index.js';
import {
  retryForever,
  serveRole,
  watchProblems,
  watchServer,
  type RoleContext,
  type RunningRole,
} from '../service/index.js';
import {
  countPartitions,
  createBrokerCheck,
  createConsumer,
  createProducer,
  readPartitioner,
  type ConsumerOptions,
  type StreamConsumer,
  type StreamProducer,
} from '../stream/index.js';
import { Adoption } from './adoption.js';
import { Breakers } from './breakers.js';
import { laneDispatcher } from './dispatcher.js';
import { buryInvalid } from './elsewhere.js';
import { readEvent } from './formBatch.js';
import { heldDispatcher } from './held.js';
import { dispatchMetrics, type DispatchMetrics } from './metrics.js';
import { QueueAge } from './queueAge.js';
import { startProbe } from './probe.js';
import { Window } from './window.js';
import { WindowLease } from './windowLease.js';

/** The broker answers at the first record of a partition that is asked for; a long wait spares it empty answers. */
const FETCH_WAIT_MS = 1_000;
/** Most images of a probe. */
const PROBE_IMAGES = 10;
/** Most open batches of a lane that are looked for when partitions come. */
const MOST_ADOPTED = 10_000;

/** Role `dispatcher`: one consumer for each lane, so that a lane never waits behind another, and one for what is held. */
export function serve(): Promise<void> {
  return serveRole('dispatcher', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, listen, waits, stopping } = context;
  await listen();
  const waiting = { backoff: { firstMs: 250, maxMs: 5_000 }, signal: stopping };
  const broker = createBrokerCheck(config, log);
  const kafka = watchServer('Kafka', (timeoutMs) => broker.ask(timeoutMs));
  let reading = (): string[] => ['joining the consumer groups'];
  const watchKafka = watchProblems(context, 'kafka', () => [...kafka.problems(), ...reading()]);
  waits.set('temporal', 'connecting to Temporal');
  const temporal = await retryForever(connectTemporal, {
    ...waiting,
    onError: (error, tries, waitMs) => {
      waits.set('temporal', 'Temporal is away');
      log.warn({ err: error, tries, waitMs }, 'Temporal is away');
    },
  });
  const server = watchServer('Temporal', (timeoutMs) => askTemporal(temporal.connection, timeoutMs));
  const watchTemporal = watchProblems(context, 'temporal', () => server.problems());
  const producer = await createProducer({ config, log, metrics });
  const observed = dispatchMetrics(metrics);
  const breakers = new Breakers({ read: () => readBreakers(temporal.client), metrics: observed, log });
  const windows = new Map(config.PENSTOCK_LANES.map((lane) => [lane, new Window()]));
  const lease = new WindowLease({
    holder: `dispatcher/${hostname()}/${randomUUID().slice(0, 8)}`,
    ask: (request, timeoutMs) => askWindow(temporal.client, request, timeoutMs),
    look: async () => {
      const { revision, window } = await readCapacity(temporal.client);
      return { revision, holders: window.holders.length };
    },
    ...{ windows, waits, metrics: observed, log },
  });
  const closed = new AbortController();
  const dispatch: Dispatch = { context, temporal, producer, breakers, lease, closed: closed.signal, observed };
  const joined = (lane: string, join: () => Promise<StreamConsumer>): Promise<StreamConsumer> =>
    retryForever(join, {
      ...waiting,
      onError: (error, tries, waitMs) => log.warn({ err: error, lane, tries, waitMs }, 'lane can not be read yet'),
    });
  const consumers = await Promise.all([
    ...[...windows].map(([lane, window]) => joined(lane, () => consumeLane(dispatch, lane, window))),
    joined(HELD_LANE, () => consumeHeld(dispatch)),
  ]);
  reading = () => consumers.flatMap((consumer) => consumer.problems());
  const watch = setInterval(() => {
    for (const [lane, { open }] of windows) observed.open.set({ lane }, open);
  }, 500);
  return {
    stop: async () => {
      clearInterval(watch);
      watchKafka();
      watchTemporal();
      kafka.stop();
      server.stop();
      breakers.close();
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await lease.close();
      closed.abort(new Error('dispatcher is closed'));
      await producer.close();
      await broker.close();
      await temporal.connection.close();
    },
  };
}

/** What the consumers of all lanes share. */
interface Dispatch {
  context: RoleContext;
  temporal: TemporalClient;
  producer: StreamProducer;
  breakers: Breakers;
  lease: WindowLease;
  /** Aborts when the places in the window were given back: until then open batches are followed, also while it stops. */
  closed: AbortSignal;
  observed: DispatchMetrics;
}

async function consumeLane(dispatch: Dispatch, lane: string, window: Window): Promise<StreamConsumer> {
  const { context, temporal, producer, breakers, lease, closed, observed } = dispatch;
  const { config, log } = context;
  const starter = new BatchStarter(temporal.client);
  const follow = (workflowId: string): Promise<void> => followBatch(starter.handle(workflowId), closed);
  const topic = imageEventsTopic(lane);
  const partitions = await countPartitions(config, log, topic);
  const adoption = new Adoption({
    list: () => openBatches(temporal.client, topic, MOST_ADOPTED),
    onBegin: () => window.reads(0, 0),
    onAdopted: (read) => {
      window.reads(read, partitions);
      lease.call();
    },
    ...{ topic, follow, window, log },
  });
  const age = new QueueAge();
  observed.invalid.inc({ lane }, 0);
  observed.queueAge(lane, () => age.seconds(Date.now()));
  const dispatchSlice = laneDispatcher({
    lane,
    express: lane === config.PENSTOCK_EXPRESS_LANE,
    lingerMs: config.PENSTOCK_BATCH_LINGER_MS,
    limits: { maxImages: config.PENSTOCK_BATCH_MAX_IMAGES, maxBytes: config.PENSTOCK_BATCH_MAX_BYTES },
    maxAttempts: config.PENSTOCK_DETECT_ATTEMPTS,
    adopted: (partition) => adoption.pending(partition),
    ...{ starter, follow, producer, breakers, window, metrics: observed, tracing: context.tracing, log },
  });
  return consume(dispatch, lane, {
    onAssigned: (assigned, signal) => {
      age.clear();
      adoption.begin(assigned[topic] ?? [], signal);
    },
    handler: async (slice) => {
      const progress = await dispatchSlice(slice);
      age.note(slice, progress);
      return progress;
    },
  });
}

async function consumeHeld(dispatch: Dispatch): Promise<StreamConsumer> {
  const { context, temporal, producer, breakers, observed } = dispatch;
  const { config, log, stopping } = context;
  const starter = new BatchStarter(temporal.client);
  const probe = {
    limits: { maxImages: PROBE_IMAGES, maxBytes: config.PENSTOCK_BATCH_MAX_BYTES },
    maxAttempts: config.PENSTOCK_DETECT_ATTEMPTS,
    expressLane: config.PENSTOCK_EXPRESS_LANE,
    starter,
    follow: (workflowId: string): Promise<void> => followBatch(starter.handle(workflowId), stopping),
  };
  return consume(dispatch, HELD_LANE, {
    handler: heldDispatcher({
      ...{ breakers, producer, metrics: observed, log },
      lanes: config.PENSTOCK_LANES,
      defaultLane: config.PENSTOCK_DEFAULT_LANE,
      probeImages: PROBE_IMAGES,
      probe: (slice, lane) => startProbe(probe, slice, lane),
      bury: (slice) =>
        buryInvalid(
          { lane: HELD_LANE, producer, metrics: observed, log },
          slice,
          slice.records.flatMap((record) => {
            const detail = readEvent(record);
            return typeof detail === 'string' ? [{ record, detail }] : [];
          }),
        ),
      partitionOf: await readPartitioner(config, log, imageEventsTopic(HELD_LANE)),
    }),
  });
}

function consume(
  { context }: Dispatch,
  lane: string,
  reading: Pick<ConsumerOptions, 'handler' | 'onAssigned'>,
): Promise<StreamConsumer> {
  const { config, log, metrics, fail } = context;
  return createConsumer({
    ...{ config, log, metrics, ...reading, onFatal: fail },
    groupId: dispatcherGroup(lane),
    topics: [imageEventsTopic(lane)],
    lingerMs: FETCH_WAIT_MS,
  });
}
