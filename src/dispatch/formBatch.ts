import { createHash } from 'node:crypto';
import {
  imageEventSchema,
  imageKey,
  type BatchMemo,
  type DetectBatchInput,
  type ImageEvent,
  type PackedImage,
} from '../domain/index.js';
import type { StreamRecord } from '../stream/index.js';
import { TRACE_HEADER } from '../tracing/index.js';

export interface BatchLimits {
  maxImages: number;
  /** Bytes of the packed references, all models of the batch together. */
  maxBytes: number;
}

/** What is to become of an event: it is started, it waits for the breaker of its source, or its deadline is past. */
export type Gate = (event: ImageEvent) => 'start' | 'hold' | 'expired';

/** An event, and the trace that its record goes on with, where it has one. */
export type TracedEvent = ImageEvent & { trace?: string };

/** A record that is no image event; it goes to dead letters. */
export interface InvalidRecord {
  record: StreamRecord;
  detail: string;
}

/** Consecutive records of one partition that are started together. */
export interface FormedBatch {
  /** Records taken from the front of the slice. */
  records: readonly StreamRecord[];
  /** Id of the first record's event, or its offset when it is no event. */
  firstId: string;
  memo: BatchMemo;
  /** The images by model, in the order in which the models appear; a duplicate inside the batch is dropped. */
  models: Map<string, Pick<DetectBatchInput, 'buckets' | 'images'>>;
  invalid: InvalidRecord[];
  /** Events whose source's breaker is open. */
  held: TracedEvent[];
  /** Events whose deadline is past. */
  expired: ImageEvent[];
  duplicates: number;
}

/** What a packed image costs besides its name: quotes, commas, generation and two times. */
const PACKED_BYTES = 60;

/**
 * Takes records from the front of a slice until the batch is full. With `through` it takes exactly the records up to
 * that offset, whatever the limits: a batch that was started before, read again. The gate may say something else then;
 * the hash is over all records, so the batch is known again. What was started is held or expired too, which is cheap;
 * what was held is not started, so it must have been written elsewhere before the batch was.
 */
export function formBatch(
  records: readonly StreamRecord[],
  limits: BatchLimits,
  gate: Gate,
  through?: bigint,
): FormedBatch {
  const hash = createHash('sha256');
  const models: FormedBatch['models'] = new Map();
  const buckets = new Map<string, Map<string, number>>();
  const seen = new Set<string>();
  const invalid: InvalidRecord[] = [];
  const held: TracedEvent[] = [];
  const expired: ImageEvent[] = [];
  let duplicates = 0;
  let images = 0;
  let bytes = 0;
  let taken = 0;
  let firstId: string | undefined;

  for (const record of records) {
    if (through === undefined ? images >= limits.maxImages : record.offset > through) break;
    const event = readEvent(record);
    const size = typeof event === 'string' ? 0 : Buffer.byteLength(event.object) + PACKED_BYTES;
    if (through === undefined && taken > 0 && bytes + size > limits.maxBytes) break;
    taken += 1;
    const id = typeof event === 'string' ? `offset-${record.offset}` : event.id;
    firstId ??= id;
    hash.update(id).update('\n');
    if (typeof event === 'string') {
      invalid.push({ record, detail: event });
      continue;
    }
    const identity = `${event.model}\n${imageKey(event)}`;
    if (seen.has(identity)) {
      duplicates += 1;
      continue;
    }
    seen.add(identity);
    const verdict = gate(event);
    if (verdict !== 'start') {
      (verdict === 'hold' ? held : expired).push(event);
      continue;
    }
    images += 1;
    bytes += size;
    const batch = models.get(event.model) ?? { buckets: [], images: [] };
    models.set(event.model, batch);
    batch.images.push(pack(event, batch.buckets, buckets));
  }
  const front = records.slice(0, taken);
  return {
    records: front,
    firstId: firstId ?? '',
    memo: {
      firstOffset: (front[0]?.offset ?? 0n).toString(),
      lastOffset: (front.at(-1)?.offset ?? 0n).toString(),
      eventsHash: hash.digest('hex'),
    },
    models,
    invalid,
    held,
    expired,
    duplicates,
  };
}

function pack(event: TracedEvent, names: string[], indexes: Map<string, Map<string, number>>): PackedImage {
  const ofModel = indexes.get(event.model) ?? new Map<string, number>();
  indexes.set(event.model, ofModel);
  let bucket = ofModel.get(event.bucket);
  if (bucket === undefined) {
    bucket = names.push(event.bucket) - 1;
    ofModel.set(event.bucket, bucket);
  }
  const { object, generation, uploadedAtMs, receivedAtMs, deadlineMs, trace } = event;
  const reference = [bucket, object, generation, uploadedAtMs, receivedAtMs] as const;
  if (trace !== undefined) return [...reference, deadlineMs ?? null, trace];
  return deadlineMs === undefined ? [...reference] : [...reference, deadlineMs];
}

/** The event, or a sentence why the record is none. */
export function readEvent(record: StreamRecord): TracedEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(record.value.toString('utf8'));
  } catch (error) {
    return `no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  const parsed = imageEventSchema.safeParse(value);
  const trace = record.headers?.[TRACE_HEADER];
  if (parsed.success) return trace === undefined ? parsed.data : { ...parsed.data, trace };
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
