import {
  DEAD_LETTERS_TOPIC,
  HELD_LANE,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  imageKey,
  refusedResult,
} from '../domain/index.js';
import { recordDeadLetter, type Slice, type StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { FormedBatch, InvalidRecord } from './formBatch.js';
import { heldRecord } from './held.js';
import type { DispatchMetrics } from './metrics.js';

export interface ElsewhereOptions {
  lane: string;
  producer: Pick<StreamProducer, 'send'>;
  metrics: DispatchMetrics;
  log: Logger;
  now?: () => number;
}

/** Writes elsewhere what is not started: held events to wait, expired ones as dead, before their offsets are committed. */
export async function divert(options: ElsewhereOptions, { held, expired }: FormedBatch): Promise<void> {
  const { lane, producer, metrics, now = Date.now } = options;
  await producer.send(
    imageEventsTopic(HELD_LANE),
    held.map((event) => heldRecord(event, lane)),
  );
  const dead = expired.map((event) => {
    const detail = `deadline ${new Date(event.deadlineMs ?? 0).toISOString()} was past before it was dispatched`;
    return refusedResult(event, { reason: 'EXPIRED', detail, nowMs: now() });
  });
  await producer.send(
    IMAGE_RESULTS_TOPIC,
    dead.map((result) => ({ key: imageKey(result), value: JSON.stringify(result) })),
  );
  metrics.held.inc({ lane }, held.length);
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
