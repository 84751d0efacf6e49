import {
  HELD_LANE,
  imageEventsTopic,
  imageKey,
  sourceKey,
  type ImageEvent,
  type OpenBreaker,
  type Source,
} from '../domain/index.js';
import type { OutgoingRecord, Progress, Slice, SliceHandler, StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Breakers } from './breakers.js';
import { readEvent } from './formBatch.js';
import type { DispatchMetrics } from './metrics.js';
import { Turning } from './turning.js';

/** Most records that are looked at together. */
const MAX_MOVED = 1_000;

export interface HeldOptions {
  breakers: Pick<Breakers, 'find' | 'open' | 'until' | 'refresh'>;
  /** Lane of an event that does not say where it came from. */
  defaultLane: string;
  /** Most images of a probe. */
  probeImages: number;
  producer: Pick<StreamProducer, 'send'>;
  /** Starts the probe of the records from the front of the slice; resolves when it is durable, with its end. */
  probe: (slice: Slice, lane: string) => Promise<{ ended: Promise<void> }>;
  /** Keeps the records from the front of the slice, which are no events, as dead letters. */
  bury: (slice: Slice) => Promise<void>;
  /** Partition that events of a source are written to. */
  partitionOf: (key: string) => number;
  metrics: DispatchMetrics;
  log: Logger;
  /** Milliseconds since the epoch. Default Date.now. */
  now?: () => number;
}

type Verdict = 'return' | 'probe' | 'wait';

/** The event as it waits in `held`. */
export function heldRecord(event: ImageEvent, lane: string): OutgoingRecord {
  return { key: sourceKey(event), value: JSON.stringify({ ...event, lane }) };
}

/**
 * Reads what is held: events go back to their lane when the breaker of their source is closed; a few are tried when a
 * probe is due; the rest waits. A partition is a queue, and sources may share one: where something may go behind events
 * that must wait, those in front are written again to the end. Records count as consumed when they are written
 * elsewhere, or when their probe is durable; a crash in between repeats them, which changes no number.
 */
export function heldDispatcher(options: HeldOptions): SliceHandler {
  const { breakers } = options;
  const probing = new Set<string>();
  const turning = new Map<number, Turning>();

  const verdictOf = (source: Source): Verdict => {
    const breaker = breakers.find(source);
    if (breaker === undefined) return 'return';
    return isDue(breaker) && !probing.has(sourceKey(source)) ? 'probe' : 'wait';
  };
  const isDue = ({ nextProbeAtMs }: OpenBreaker): boolean =>
    nextProbeAtMs !== undefined && nextProbeAtMs <= (options.now ?? Date.now)();

  return async (slice) => {
    const events = slice.records.slice(0, MAX_MOVED).map(readEvent);
    const [first] = events;
    if (first === undefined || typeof first === 'string') {
      const front = runOf(events, (event) => typeof event === 'string');
      await options.bury({ ...slice, records: slice.records.slice(0, front.length) });
      return { consumed: front.length };
    }
    const verdict = verdictOf(first);
    if (verdict === 'return') {
      const front = runOf(events, (event) => isEvent(event) && verdictOf(event) === 'return');
      return giveBack(options, front.filter(isEvent));
    }
    if (verdict === 'probe') {
      const isAlike = (event: ImageEvent | string): boolean =>
        isEvent(event) && sourceKey(event) === sourceKey(first) && event.lane === first.lane;
      const front = runOf(events.slice(0, options.probeImages), isAlike);
      return sendProbe(options, slice, front.filter(isEvent), probing);
    }
    const turn = turning.get(slice.partition) ?? new Turning(options, slice.partition);
    turning.set(slice.partition, turn);
    if (turn.isNew || turn.isWanted(first, isDue)) turn.begin(slice.highWatermark, first);
    const left = turn.left(slice.records[0]?.offset ?? 0n);
    if (left > 0) {
      const front = runOf(events.slice(0, left), (event) => isEvent(event) && verdictOf(event) === 'wait');
      return putLast(options, front.filter(isEvent));
    }
    return {
      consumed: 0,
      pauseUntil: breakers.until(() => verdictOf(first) !== 'wait' || turn.isWanted(first, isDue)),
    };
  };
}

async function giveBack(options: HeldOptions, events: readonly ImageEvent[]): Promise<Progress> {
  const lanes = new Map<string, OutgoingRecord[]>();
  for (const { lane = options.defaultLane, ...event } of events) {
    const records = lanes.get(lane) ?? [];
    lanes.set(lane, records);
    records.push({ key: imageKey(event), value: JSON.stringify(event) });
  }
  for (const [lane, records] of lanes) {
    await options.producer.send(imageEventsTopic(lane), records);
    options.metrics.returned.inc({ lane }, records.length);
  }
  return { consumed: events.length };
}

async function sendProbe(
  options: HeldOptions,
  slice: Slice,
  events: readonly ImageEvent[],
  probing: Set<string>,
): Promise<Progress> {
  const [first] = events;
  if (first === undefined) return { consumed: 0 };
  const key = sourceKey(first);
  probing.add(key);
  try {
    const records = slice.records.slice(0, events.length);
    const { ended } = await options.probe({ ...slice, records }, first.lane ?? options.defaultLane);
    options.log.info({ bucket: first.bucket, model: first.model, images: events.length }, 'circuit breaker is probed');
    const done = (): unknown => probing.delete(key);
    // What the probe told the breaker is asked for before another one may go.
    void ended.then(() => options.breakers.refresh()).then(done, done);
  } catch (error) {
    probing.delete(key);
    throw error;
  }
  return { consumed: events.length };
}

async function putLast(options: HeldOptions, events: readonly ImageEvent[]): Promise<Progress> {
  await options.producer.send(
    imageEventsTopic(HELD_LANE),
    events.map((event) => heldRecord(event, event.lane ?? options.defaultLane)),
  );
  return { consumed: events.length };
}

const isEvent = (event: ImageEvent | string): event is ImageEvent => typeof event !== 'string';

/** The longest beginning of which everything holds. */
function runOf<T>(items: readonly T[], holds: (item: T) => boolean): T[] {
  const end = items.findIndex((item) => !holds(item));
  return items.slice(0, end < 0 ? items.length : end);
}
