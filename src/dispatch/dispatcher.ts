import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchStarter, BatchToStart } from '../client/index.js';
import type { BatchMemo } from '../domain/index.js';
import type { Progress, Slice, SliceHandler, StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Tracing } from '../tracing/index.js';
import type { Breakers } from './breakers.js';
import { formBatch, type BatchLimits, type FormedBatch, type Gate } from './formBatch.js';
import { buryInvalid, divert, isExpired } from './elsewhere.js';
import { Linger } from './linger.js';
import type { DispatchMetrics } from './metrics.js';
import type { Places, Window } from './window.js';

export interface LaneDispatcherOptions {
  lane: string;
  express: boolean;
  limits: BatchLimits;
  /** How long a slice that does not fill a batch may wait for more; milliseconds. */
  lingerMs: number;
  maxAttempts: number;
  starter: Pick<BatchStarter, 'start'>;
  /** Resolves when the execution has closed. */
  follow: (workflowId: string) => Promise<void>;
  producer: Pick<StreamProducer, 'send'>;
  /** Sources whose breaker is open are not dispatched. */
  breakers: Pick<Breakers, 'find'>;
  window: Window;
  /** Resolves when the open batches of a partition are counted in the window; undefined once they are. */
  adopted: (partition: number) => Promise<void> | undefined;
  metrics: DispatchMetrics;
  tracing: Pick<Tracing, 'record'>;
  log: Logger;
  /** Milliseconds since the epoch. Default Date.now. */
  now?: () => number;
}

/**
 * A longer linger pauses its partition, and then takes up to a second more: a fetch that is on its way leaves it out. A
 * shorter one is waited for in place, and with it the other partitions of the broker.
 */
const WAIT_HERE_MS = 250;

/**
 * Turns slices of a lane into `detectBatch` executions, at least once: records count as consumed only when the start of
 * their batch is durable. A crash in between reads them again; then the execution exists, and its memo tells where it
 * ends and what it holds. It is trusted only when what is read now hashes the same: offsets repeat when a topic is made
 * again, and twice is cheap, never is not.
 */
export function laneDispatcher(options: LaneDispatcherOptions): SliceHandler {
  const { window, limits } = options;
  const gate = gateOf(options);
  const linger = new Linger(options.lingerMs);
  return async (slice) => {
    const { partition } = slice;
    const adopted = options.adopted(partition);
    if (adopted !== undefined) return { consumed: 0, pauseUntil: adopted };
    if (window.isFull) return { consumed: 0, pauseUntil: window.room(partition) };
    const batch = formBatch(slice.records, limits, gate);
    // Once for each first record: it may be all that one fetch can ever hold.
    if (isWorthWaiting(slice, batch, limits) && linger.isNew(slice)) return { consumed: 0 };
    const isFull = batch.records.length >= limits.maxImages || batch.models.size === 0;
    const waitMs = batch.records.length < slice.records.length ? 0 : linger.waitMs(slice, !isFull);
    if (waitMs > WAIT_HERE_MS) return { consumed: 0, pauseUntil: sleep(waitMs, undefined, { ref: false }) };
    if (waitMs > 0) {
      await sleep(waitMs, undefined, { signal: slice.signal });
      return { consumed: 0 };
    }
    const places = window.reserve(batch.models.size);
    if (places === undefined) return { consumed: 0, pauseUntil: window.room(partition) };
    try {
      return await dispatch(options, slice, batch, places);
    } finally {
      places.release();
    }
  };
}

function gateOf({ breakers, now = Date.now }: LaneDispatcherOptions): Gate {
  return (event) => {
    if (isExpired(event, now())) return 'expired';
    return breakers.find(event) === undefined ? 'start' : 'hold';
  };
}

/** The tail of a slice is left for the next fetch when the log surely holds more to fill it. */
function isWorthWaiting(slice: Slice, batch: FormedBatch, limits: BatchLimits): boolean {
  const last = slice.records.at(-1);
  const isTail =
    batch.models.size > 0 &&
    batch.records.length === slice.records.length &&
    batch.records.length < limits.maxImages / 2;
  return isTail && last !== undefined && slice.highWatermark - last.offset > BigInt(limits.maxImages);
}

async function dispatch(
  options: LaneDispatcherOptions,
  slice: Slice,
  formed: FormedBatch,
  places: Places,
): Promise<Progress> {
  let batch = formed;
  let diverted: FormedBatch | undefined;
  let suffix = '';
  for (;;) {
    // Before the start: a batch that exists says that all of its records are taken care of, whatever is open by then.
    if (diverted !== batch) await divert(options, batch);
    diverted = batch;
    const outcome = await startAll(options, slice, batch, suffix, places);
    if (outcome.kind === 'started') break;
    if (outcome.kind === 'refused') {
      batch = halve(options, slice, batch, outcome.message);
      continue;
    }
    const again = sameRecords(options, slice, batch, outcome.memo);
    if (again !== undefined) {
      batch = again;
      continue;
    }
    options.log.warn(
      { topic: slice.topic, partition: slice.partition, memo: outcome.memo },
      'id is taken by other records',
    );
    // Named by its content, so that reading it once more finds it; should even that name be taken, by chance.
    suffix = `-${suffix === '' ? batch.memo.eventsHash.slice(0, 16) : randomUUID()}`;
  }
  await buryInvalid(options, slice, batch.invalid);
  options.metrics.records.inc({ lane: options.lane }, batch.records.length);
  options.metrics.duplicates.inc({ lane: options.lane }, batch.duplicates);
  return { consumed: batch.records.length };
}

type Started =
  { kind: 'started' } | { kind: 'exists'; memo: BatchMemo | undefined } | { kind: 'refused'; message: string };

/**
 * Starts one execution for each model of the batch. The first that exists already tells how the records were cut when
 * they were first read; the caller cuts them the same way and starts what is missing.
 */
async function startAll(
  options: LaneDispatcherOptions,
  slice: Slice,
  batch: FormedBatch,
  suffix: string,
  places: Places,
): Promise<Started> {
  let existing: Started | undefined;
  for (const [model, { buckets, images }] of batch.models) {
    const workflowId = batchId(slice, batch, suffix, model);
    const start: BatchToStart = {
      workflowId,
      memo: batch.memo,
      input: {
        model,
        lane: options.lane,
        topic: slice.topic,
        partition: slice.partition,
        firstOffset: batch.memo.firstOffset,
        lastOffset: batch.memo.lastOffset,
        buckets,
        images,
        maxAttempts: options.maxAttempts,
        express: options.express,
      },
    };
    const startMs = Date.now();
    const outcome = await options.starter.start(start);
    if (outcome.kind === 'refused') return outcome;
    if (outcome.kind === 'exists' && outcome.memo?.eventsHash !== batch.memo.eventsHash) return outcome;
    if (outcome.kind === 'exists') existing = outcome;
    places.hold(workflowId, () => options.follow(workflowId));
    options.metrics.batches.inc({ lane: options.lane, outcome: outcome.kind });
    options.metrics.images.observe({ lane: options.lane }, images.length);
    traceStart(options, start, startMs);
    options.log.debug({ batchId: workflowId, images: images.length, outcome: outcome.kind }, 'batch');
  }
  if (existing)
    options.log.info({ batchId: batchId(slice, batch, suffix, ''), ...batch.memo }, 'batch was started before');
  return { kind: 'started' };
}

/** Few images are traced, if any. */
function traceStart(
  { tracing, lane }: LaneDispatcherOptions,
  { workflowId, input }: BatchToStart,
  startMs: number,
): void {
  const attributes = { 'penstock.batch': workflowId, 'penstock.lane': lane, 'penstock.images': input.images.length };
  for (const [, , , , , , parent] of input.images)
    if (parent !== undefined) tracing.record('start batch', { parent, startMs, attributes });
}

/** `detect/<topic>/<partition>/<firstOffset>-<8 of the first event's id>`, with the model where it has several. */
export function batchId(
  slice: Pick<Slice, 'topic' | 'partition'>,
  batch: FormedBatch,
  suffix: string,
  model: string,
): string {
  const first = `${batch.memo.firstOffset}-${batch.firstId.replaceAll('-', '').slice(0, 8)}`;
  const of = batch.models.size > 1 && model !== '' ? `/${model}` : '';
  return `detect/${slice.topic}/${slice.partition}/${first}${suffix}${of}`;
}

/** The batch cut as the memo says, when the slice holds those very records; undefined when it holds others. */
function sameRecords(
  options: LaneDispatcherOptions,
  slice: Slice,
  batch: FormedBatch,
  memo: BatchMemo | undefined,
): FormedBatch | undefined {
  if (memo === undefined || memo.firstOffset !== batch.memo.firstOffset) return undefined;
  const again = formBatch(slice.records, options.limits, gateOf(options), BigInt(memo.lastOffset));
  return again.memo.eventsHash === memo.eventsHash ? again : undefined;
}

function halve(options: LaneDispatcherOptions, slice: Slice, batch: FormedBatch, message: string): FormedBatch {
  const { topic, partition } = slice;
  if (batch.records.length === 1)
    throw new Error(`${topic}/${partition}/${batch.memo.firstOffset}: Temporal refuses it: ${message}`);
  options.log.warn({ topic, partition, records: batch.records.length, message }, 'start refused, batch is halved');
  const middle = batch.records[Math.floor(batch.records.length / 2) - 1];
  return formBatch(slice.records, options.limits, gateOf(options), middle?.offset ?? batch.records[0]?.offset);
}
