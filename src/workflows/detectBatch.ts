import {
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  BatchProgress,
  BatchResult,
  DetectBatchInput,
  DetectImagesResult,
  ImageInBatch,
  ImageRef,
} from '../domain/index.js';
import { BatchState } from './batchState.js';
import { detector, detectorLost, recordDead } from './detector.js';
import { hold, tellBreaker, tellOutcome } from './held.js';

/** State of a batch at this moment: `npx temporal workflow query --type state`. */
export const batchStateQuery = defineQuery<BatchProgress>('state');

/** One image of the batch at this moment; null when it is none of its. */
export const batchImageQuery = defineQuery<ImageInBatch | null, [ImageRef]>('image');

/**
 * Detects the images of one micro-batch, each with a state of its own: pending, detected, or dead with a reason.
 *
 * Images that fail for a passing reason are tried again, those alone, with backoff; images that can never succeed are
 * dead at once. Waiting never fails an image: images that a detector hands back untried keep their attempts, and the
 * time in the task queue has no bound. Where most images of a source fail for a reason that is the system's, its circuit
 * breaker opens, and they go back to Kafka instead of dying. Fails at the end when an operator can do something about a
 * dead image.
 */
export async function detectBatch(input: DetectBatchInput): Promise<BatchResult> {
  const state = new BatchState(input);
  setHandler(batchStateQuery, () => state.progress());
  setHandler(batchImageQuery, (image) => state.find(image));
  const rounds = new Rounds();

  while (state.pending.size > 0) {
    setCurrentDetails(state.describe());
    const progressed = await runRound(input, state, rounds);
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof detectBatch>({ ...input, progress: state.progress() });
    }
    if (state.pending.size > 0) await sleep(rounds.waitMs(progressed));
  }
  if (input.probe) await tellOutcome(state);
  return conclude(input, state);
}

/** One activity over what is pending; alone, an image after the other, when a whole detector died under them. */
async function runRound(input: DetectBatchInput, state: BatchState, rounds: Rounds): Promise<boolean> {
  const groups = rounds.alone ? state.pendingAlone() : [state.pendingTogether()];
  let progressed = false;
  for (const images of groups) {
    let result: DetectImagesResult;
    try {
      result = await detector(input).detectImages(state.activityInput(images));
    } catch (error) {
      result = detectorLost(error);
      if (images.length > 1) {
        rounds.alone = true;
        return true;
      }
    }
    if (state.merge(images, result)) progressed = true;
  }
  await tellBreaker(state);
  const exhausted = await hold(state, state.takeExhausted());
  if (exhausted.length > 0) await recordDead(detector(input), state.recordDeadInput(exhausted));
  return progressed;
}

function conclude(input: DetectBatchInput, state: BatchState): BatchResult {
  setCurrentDetails(state.describe());
  const result = state.result();
  if (state.dead.size === 0) return result;
  upsertSearchAttributes({ PenstockDead: [state.dead.size] });
  const failing = state.failing();
  if (failing.length === 0) return result;
  throw ApplicationFailure.create({
    type: 'DeadImages',
    nonRetryable: true,
    message: `${state.deadSummary()} of ${input.images.length} images; an operator may retry them`,
    details: [result, failing.slice(0, 20)],
  });
}

/** Waits between rounds: 1 s doubling to 60 s for failures, and for a detector that hands everything back. */
class Rounds {
  alone = false;
  #failed = 0;

  waitMs(progressed: boolean): number {
    this.#failed = progressed ? Math.min(this.#failed, 2) : this.#failed;
    this.#failed += 1;
    return Math.min(60_000, 1000 * 2 ** (this.#failed - 1));
  }
}
