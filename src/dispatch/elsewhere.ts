import {
  DEAD_LETTERS_TOPIC,
  HELD_LANE,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  imageKey,
  refusedResult,
  sourceKey,
  type ImageEvent,
} from '../domain/index.js';
import { recordDeadLetter, type OutgoingRecord, type Slice, type StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import { withTrace } from '../tracing/index.js';
import type { FormedBatch, InvalidRecord, TracedEvent } from './formBatch.js';
import type { DispatchMetrics } from './metrics.js';

export interface ElsewhereOptions {
  lane: string;
  producer: Pick<StreamProducer, 'send'>;
  metrics: DispatchMetrics;
  log: Logger;
  now?: () => number;
}

/** The event as it waits in `held`. */
export function heldRecord({ trace, ...event }: TracedEvent, lane: string): OutgoingRecord {
  return withTrace({ key: sourceKey(event), value: JSON.stringify({ ...event, lane }) }, trace);
}

/** Is its result wanted no more? */
export function isExpired({ deadlineMs }: Pick<ImageEvent, 'deadlineMs'>, nowMs: number): boolean {
  return deadlineMs !== undefined && deadlineMs < nowMs;
}

/** Writes elsewhere what is not started: held events to wait, expired ones as dead, before their offsets are committed. */
export async function divert(options: ElsewhereOptions, { held, expired }: FormedBatch): Promise<void> {
  const { lane, producer, metrics } = options;
  await producer.send(
    imageEventsTopic(HELD_LANE),
    held.map((event) => heldRecord(event, lane)),
  );
  metrics.held.inc({ lane }, held.length);
  await expire(options, expired);
}

/** Records events as dead whose deadline is past. */
export async function expire(
  { lane, producer, metrics, now = Date.now }: Omit<ElsewhereOptions, 'log'>,
  expired: readonly ImageEvent[],
): Promise<void> {
  const dead = expired.map((event) => {
    const detail = `deadline ${new Date(event.deadlineMs ?? 0).toISOString()} was past before it was dispatched`;
    return refusedResult(event, { reason: 'EXPIRED', detail, nowMs: now() });
  });
  await producer.send(
    IMAGE_RESULTS_TOPIC,
    dead.map((result) => ({ key: imageKey(result), value: JSON.stringify(result) })),
  );
  metrics.expired.inc({ lane }, expired.length);
}

/** Records that are no image events: kept as dead letters before their offsets are committed. */
export async function buryInvalid(
  options: ElsewhereOptions,
  slice: Slice,
  invalid: readonly InvalidRecord[],
): Promise<void> {
  if (invalid.length === 0) return;
  options.metrics.invalid.inc({ lane: options.lane }, invalid.length);
  const letters = invalid.map(({ record, detail }) =>
    recordDeadLetter(
      { ...record, origin: `${slice.topic}/${slice.partition}/${record.offset}` },
      { source: 'dispatcher', reason: 'INVALID_RECORD', detail },
    ),
  );
  await options.producer.send(
    DEAD_LETTERS_TOPIC,
    letters.map((letter) => ({ key: letter.id, value: JSON.stringify(letter) })),
  );
  options.log.warn(
    { topic: slice.topic, partition: slice.partition, records: invalid.length },
    'records are no image events',
  );
}
