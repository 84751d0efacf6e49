import {
  HELD_LANE,
  imageEventsTopic,
  imageKey,
  sourceKey,
  type ImageEvent,
  type OpenBreaker,
} from '../domain/index.js';
import type { OutgoingRecord, Progress, Slice, SliceHandler, StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Breakers } from './breakers.js';
import { expire, heldRecord, isExpired } from './elsewhere.js';
import { withTrace } from '../tracing/index.js';
import { readEvent, type TracedEvent } from './formBatch.js';
import type { DispatchMetrics } from './metrics.js';
import { Turning } from './turning.js';

/** Most records that are looked at together. */
const MAX_MOVED = 1_000;

export interface HeldOptions {
  breakers: Pick<Breakers, 'find' | 'open' | 'until' | 'refresh' | 'isKnown'>;
  /** Lanes that events may go back to. */
  lanes: readonly string[];
  /** Lane of an event that does not say where it came from, or that came from a lane which is no more. */
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

type Verdict = 'return' | 'expire' | 'probe' | 'wait';

/**
 * Reads what is held: events go back to their lane when the breaker of their source is closed, are dead when their
 * deadline is past; a few are tried when a probe is due; the rest waits. A partition is a queue, and sources may share
 * one: where something may go behind events that must wait, those in front are written again to the end. Records count
 * as consumed when they are written elsewhere, or when their probe is durable; a crash in between repeats them, which
 * changes no number.
 */
export function heldDispatcher(options: HeldOptions): SliceHandler {
  const { breakers } = options;
  const probing = new Set<string>();
  const turning = new Map<number, Turning>();
  const now = options.now ?? Date.now;

  const verdictOf = (event: ImageEvent): Verdict => {
    if (isExpired(event, now())) return 'expire';
    const breaker = breakers.find(event);
    if (breaker === undefined) return 'return';
    return isDue(breaker) && !probing.has(sourceKey(event)) ? 'probe' : 'wait';
  };
  const isDue = ({ nextProbeAtMs }: OpenBreaker): boolean => nextProbeAtMs !== undefined && nextProbeAtMs <= now();
  const frontOf = (events: readonly (TracedEvent | string)[], verdict: Verdict): TracedEvent[] =>
    runOf(events, (event) => isEvent(event) && verdictOf(event) === verdict).filter(isEvent);

  return async (slice) => {
    // Else a start of the whole system would give everything back before anybody knows what is open.
    if (!breakers.isKnown) return { consumed: 0, pauseUntil: breakers.until(() => breakers.isKnown) };
    const events = slice.records.slice(0, MAX_MOVED).map(readEvent);
    const [first] = events;
    if (first === undefined || typeof first === 'string') {
      const front = runOf(events, (event) => typeof event === 'string');
      await options.bury({ ...slice, records: slice.records.slice(0, front.length) });
      return { consumed: front.length };
    }
    const verdict = verdictOf(first);
    if (verdict === 'return') return giveBack(options, frontOf(events, verdict));
    if (verdict === 'expire') {
      const front = frontOf(events, verdict);
      await expire({ ...options, lane: HELD_LANE }, front);
      return { consumed: front.length };
    }
    if (verdict === 'probe') {
      const isAlike = (event: TracedEvent | string): boolean =>
        isEvent(event) &&
        sourceKey(event) === sourceKey(first) &&
        event.lane === first.lane &&
        !isExpired(event, now());
      const front = runOf(events.slice(0, options.probeImages), isAlike);
      return sendProbe(options, slice, front.filter(isEvent), probing);
    }
    const turn = turning.get(slice.partition) ?? new Turning(options, slice.partition);
    turning.set(slice.partition, turn);
    if (turn.isUnknown(slice.highWatermark) || turn.isWanted(first, isDue)) turn.begin(slice.highWatermark, first);
    const left = turn.left(slice.records[0]?.offset ?? 0n);
    if (left > 0) {
      const front = frontOf(events.slice(0, left), 'wait');
      const progress = await putLast(options, front);
      turn.moved(front.length);
      return progress;
    }
    return {
      consumed: 0,
      pauseUntil: breakers.until(() => verdictOf(first) !== 'wait' || turn.isWanted(first, isDue) || turn.isLookDue),
    };
  };
}

async function giveBack(options: HeldOptions, events: readonly TracedEvent[]): Promise<Progress> {
  const lanes = new Map<string, OutgoingRecord[]>();
  for (const { lane: from, trace, ...event } of events) {
    const lane = laneOf(options, from);
    const records = lanes.get(lane) ?? [];
    lanes.set(lane, records);
    records.push(withTrace({ key: imageKey(event), value: JSON.stringify(event) }, trace));
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
  events: readonly TracedEvent[],
  probing: Set<string>,
): Promise<Progress> {
  const [first] = events;
  if (first === undefined) return { consumed: 0 };
  const key = sourceKey(first);
  probing.add(key);
  try {
    const records = slice.records.slice(0, events.length);
    const { ended } = await options.probe({ ...slice, records }, laneOf(options, first.lane));
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

async function putLast(options: HeldOptions, events: readonly TracedEvent[]): Promise<Progress> {
  await options.producer.send(
    imageEventsTopic(HELD_LANE),
    events.map((event) => heldRecord(event, laneOf(options, event.lane))),
  );
  return { consumed: events.length };
}

/** Nobody reads the topic of a lane that the configuration does not name any more. */
function laneOf({ lanes, defaultLane }: HeldOptions, lane: string | undefined): string {
  return lane !== undefined && lanes.includes(lane) ? lane : defaultLane;
}

const isEvent = (event: TracedEvent | string): event is TracedEvent => typeof event !== 'string';

/** The longest beginning of which everything holds. */
function runOf<T>(items: readonly T[], holds: (item: T) => boolean): T[] {
  const end = items.findIndex((item) => !holds(item));
  return items.slice(0, end < 0 ? items.length : end);
}
