import type { BatchStarter } from '../client/index.js';
import type { Slice } from '../stream/index.js';
import { batchId } from './dispatcher.js';
import { formBatch, type BatchLimits } from './formBatch.js';

/** A second try is likely to be another detector's; more would only take longer to say the same. */
const PROBE_ATTEMPTS = 2;

export interface ProbeOptions {
  limits: BatchLimits;
  maxAttempts: number;
  expressLane: string;
  starter: Pick<BatchStarter, 'start'>;
  /** Resolves when the execution has closed. */
  follow: (workflowId: string) => Promise<void>;
}

/** Starts the records of a slice, which are of one source and lane, as a batch that tells the breaker what became of it. */
export async function startProbe(
  { limits, maxAttempts, expressLane, starter, follow }: ProbeOptions,
  slice: Slice,
  lane: string,
): Promise<{ ended: Promise<void> }> {
  const batch = formBatch(slice.records, limits, () => 'start');
  const { topic, partition } = slice;
  const ended: Promise<void>[] = [];
  for (const [model, { buckets, images }] of batch.models) {
    const start = (suffix: string): ReturnType<typeof starter.start> =>
      starter.start({
        workflowId: batchId(slice, batch, suffix, model),
        memo: batch.memo,
        input: {
          ...{ model, lane, topic, partition, buckets, images, express: lane === expressLane, probe: true },
          ...{ firstOffset: batch.memo.firstOffset, lastOffset: batch.memo.lastOffset },
          maxAttempts: Math.min(PROBE_ATTEMPTS, maxAttempts),
        },
      });
    let suffix = '';
    let outcome = await start(suffix);
    // The id is taken by other records: a topic that was made again repeats its offsets.
    if (outcome.kind === 'exists' && outcome.memo?.eventsHash !== batch.memo.eventsHash) {
      suffix = `-${batch.memo.eventsHash.slice(0, 16)}`;
      outcome = await start(suffix);
    }
    if (outcome.kind === 'refused')
      throw new Error(`${topic}/${partition}: Temporal refuses a probe: ${outcome.message}`);
    ended.push(follow(batchId(slice, batch, suffix, model)));
  }
  return { ended: Promise.all(ended).then(() => undefined) };
}
