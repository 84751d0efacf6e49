import { createHash } from 'node:crypto';
import {
  HELD_LANE,
  imageEventsTopic,
  sourceKey,
  type BreakerState,
  type HoldImagesInput,
  type ImageEvent,
} from '../domain/index.js';
import type { StreamProducer } from '../stream/index.js';
import { withTrace } from '../tracing/index.js';

/**
 * Puts the events of images back into Kafka whose source's breaker is open (with `always` those of the others too, which
 * go on to their lane), keyed by the source, and returns their indexes. A repetition writes the same events again, which
 * changes no number.
 */
export async function holdImages(
  { producer, breakers }: { producer: Pick<StreamProducer, 'send'>; breakers: () => Promise<BreakerState> },
  { model, lane, workflowId, always = false, buckets, images }: HoldImagesInput,
): Promise<number[]> {
  const open = new Set(always ? [] : (await breakers()).open.map(sourceKey));
  const held = images.flatMap(([bucket, object, generation, uploadedAtMs, receivedAtMs, deadlineMs, trace], index) => {
    const source = { bucket: buckets[bucket] ?? '', model };
    if (!always && !open.has(sourceKey(source))) return [];
    const id = createHash('sha256').update(`${workflowId}\n${index}\n${object}`).digest('hex').slice(0, 32);
    const event: ImageEvent = {
      ...{ v: 1, id, bucket: source.bucket, object, generation, uploadedAtMs, receivedAtMs, model, lane },
      ...(typeof deadlineMs === 'number' ? { deadlineMs } : {}),
    };
    return [{ index, record: withTrace({ key: sourceKey(source), value: JSON.stringify(event) }, trace) }];
  });
  if (held.length > 0)
    await producer.send(
      imageEventsTopic(HELD_LANE),
      held.map(({ record }) => record),
    );
  return held.map(({ index }) => index);
}
