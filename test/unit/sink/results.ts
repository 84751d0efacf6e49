import { IMAGE_RESULTS_TOPIC, type ImageEvent, type ImageResult } from '../../../src/domain/index.js';
import type { Progress, Slice, SliceHandler } from '../../../src/stream/index.js';

/** A result as a detector publishes it. */
export function imageResult(fields: Partial<ImageResult> = {}): ImageResult {
  return {
    ...{ v: 1, bucket: 'photos', object: 'a.jpg', generation: '1700000000000001', model: 'shapes@0a1b' },
    ...{ status: 'detected', width: 640, height: 480, attempts: 1, workflowId: 'detect/t/0/1-aa', runId: 'r' },
    detections: [{ class: 'circle', score: 0.9, xMin: 1, yMin: 2, xMax: 30, yMax: 40 }],
    ...{ uploadedAtMs: Date.now() - 60_000, receivedAtMs: Date.now() - 59_000, detectedAtMs: Date.now() - 58_000 },
    ...fields,
  };
}

/** An event as intake accepts it. */
export function imageEvent(fields: Partial<ImageEvent> = {}): ImageEvent {
  return {
    ...{ v: 1, id: 'event-0001', bucket: 'photos', object: 'a.jpg', generation: '1700000000000001', model: 'shapes' },
    ...{ uploadedAtMs: Date.now() - 60_000, receivedAtMs: Date.now() - 59_000, sourceId: 's1' },
    ...{ contentType: 'image/jpeg', sizeBytes: 160_000 },
    ...fields,
  };
}

/** A minute ago, the same for all tests of a file. */
const WRITTEN_MS = Date.now() - 60_000;

/** A slice of records with these values, from offset 0. */
export function sliceOf(values: readonly (object | string)[], fields: Partial<Slice> = {}): Slice {
  const records = values.map((value, index) => ({
    offset: BigInt(index),
    key: null,
    value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    timestampMs: WRITTEN_MS + index,
  }));
  return {
    topic: IMAGE_RESULTS_TOPIC,
    partition: 0,
    records,
    highWatermark: BigInt(records.length),
    signal: new AbortController().signal,
    ...fields,
  };
}

/** A handler as the consumer sees it through: what it takes is consumed once it is done. */
export function seenThrough(handler: SliceHandler): (slice: Slice) => Promise<Progress> {
  return async (slice) => {
    const { done, ...progress } = await handler(slice);
    await done;
    return progress;
  };
}
