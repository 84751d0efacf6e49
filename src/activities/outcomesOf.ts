import { imageKey, isFinalReason, type KnownOutcomes, type OutcomesInput } from '../domain/index.js';
import { readOutcomes, type Warehouse } from '../warehouse/index.js';

/** Images of one question: the statement holds the generation of each. */
const ASKED_AT_ONCE = 500;

/**
 * Which of the images some version of the model has detected since their events came, and which are dead for good. What
 * was known before an event came is not what it asks for: a backfill may be for a new version. What the sink has not
 * stored yet is unknown here: it is detected twice, which changes no number.
 */
export async function outcomesOf(
  { warehouse }: { warehouse: Warehouse },
  { model, buckets, images }: OutcomesInput,
): Promise<KnownOutcomes> {
  const known: KnownOutcomes = { detected: [], dead: [] };
  for (const [of, bucket] of buckets.entries()) {
    const all = images.flatMap(([its, object, generation, uploadedAtMs, receivedAtMs], index) =>
      its === of ? [{ bucket, object, generation, uploadedAtMs, receivedAtMs, index }] : [],
    );
    for (let begin = 0; begin < all.length; begin += ASKED_AT_ONCE) {
      const asked = all.slice(begin, begin + ASKED_AT_ONCE);
      const stored = (await readOutcomes(warehouse, asked, [model])).get(model);
      for (const image of asked) {
        const outcome = stored?.get(imageKey(image));
        if (outcome === undefined || outcome.receivedAtMs < image.receivedAtMs) continue;
        if (outcome.isDetected) known.detected.push(image.index);
        else if (isFinalReason(outcome.deadReason)) known.dead.push([image.index, outcome.deadReason]);
      }
    }
  }
  return known;
}
