import {
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  patched,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { BatchProgress, BatchResult, DetectBatchInput, ImageInBatch, ImageRef } from '../domain/index.js';
import { Again } from './again.js';
import { oneByOne, runAlone, type Detect } from './alone.js';
import { BatchState } from './batchState.js';
import { detector, detectorLost, recordDead } from './detector.js';
import { hold, tellBreaker, tellOutcome } from './held.js';
import { doneBeforeLoss } from './lost.js';
import { MAY_BE_LOST } from './losses.js';

/** State of a batch at this moment: `npx temporal workflow query --type state`. */
export const batchStateQuery = defineQuery<BatchProgress>('state');

/** One image of the batch at this moment; null when it is none of its. */
export const batchImageQuery = defineQuery<ImageInBatch | null, [ImageRef]>('image');

/**
 * Detects the images of one micro-batch, each with a state of its own: pending, detected, or dead with a reason.
 *
 * Images that fail for a passing reason are tried again, those alone, with backoff; images that can never succeed are
 * dead at once. Waiting never fails an image: images that a detector hands back untried keep their attempts, and the
 * time in the task queue has no bound. Once three detectors in a row were lost under the same images, these run alone.
 * Where most images of a source fail for a reason that is the system's, its circuit breaker opens, and they go back to
 * Kafka instead of dying. Fails at the end when an operator can do something about a dead image. A run that is not the
 * first of these images does what is missing.
 */
export async function detectBatch(input: DetectBatchInput): Promise<BatchResult> {
  const state = new BatchState(input);
  setHandler(batchStateQuery, () => state.progress());
  setHandler(batchImageQuery, (image) => state.find(image));
  const again = new Again(input, state);
  await again.begin();
  do await detectPending(input, state, again);
  while (await again.goesOn());
  if (input.probe) await tellOutcome(state);
  return conclude(input, state);
}

/** Round after round, until no image is pending. */
async function detectPending(input: DetectBatchInput, state: BatchState, again: Again): Promise<void> {
  const rounds = new Rounds();
  while (state.pending.size > 0) {
    setCurrentDetails(state.describe());
    const progressed = await runRound(input, state, rounds);
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof detectBatch>({ ...input, progress: again.progress() });
    }
    if (state.pending.size > 0) await sleep(rounds.waitMs(progressed));
  }
}

/** One activity over what is pending; one for each image once whole detectors died under them. */
async function runRound(input: DetectBatchInput, state: BatchState, rounds: Rounds): Promise<boolean> {
  const detect: Detect = (images) => detector(input, { countLosses: true }).detectImages(images);
  let progressed: boolean;
  rounds.lostAlone = false;
  if (mustRunAlone(state)) {
    const round = await runAlone(detect, state, rounds.suspects);
    rounds.lostAlone = round.lost;
    progressed = round.progressed;
  } else if (rounds.alone) {
    progressed = (await oneByOne(detect, state, state.pendingTogether())).progressed;
  } else {
    progressed = await runTogether(detect, state, rounds);
  }
  await tellBreaker(state);
  const exhausted = await hold(state, state.takeExhausted());
  if (exhausted.length > 0) await recordDead(detector(input), state.recordDeadInput(exhausted));
  return progressed;
}

/** Where an older release had counted three in all, what it has done is replayed. */
function mustRunAlone(state: BatchState): boolean {
  if (state.lostDetectors >= MAY_BE_LOST) return true;
  return state.losses.all >= MAY_BE_LOST && !patched('lostInARow');
}

/** A detector that is lost costs no image an attempt: nobody knows whose fault it was. */
async function runTogether(detect: Detect, state: BatchState, rounds: Rounds): Promise<boolean> {
  const images = state.pendingTogether();
  try {
    return state.merge(images, await detect(state.activityInput(images)));
  } catch (error) {
    const attempt = detectorLost(error);
    // False only while what an older release has done is replayed.
    if (patched('alone')) {
      const done = doneBeforeLoss(error, images.length);
      if (done) state.merge(images, done);
      const under = done ? done.untried.flatMap((index) => images[index] ?? []) : images;
      state.losses.add(under, state.pending, done ? 1 : MAY_BE_LOST);
      return true;
    }
    if (images.length === 1) return state.merge(images, attempt);
    rounds.alone = true;
    return true;
  }
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

/** Suspects of two batches that were lost together must not wait for the next detector together again. */
const APART_MS = 30_000;

/** Waits between rounds: 1 s doubling to 60 s for failures, and for a detector that hands everything back. */
class Rounds {
  /** As an older release had it: from the first failure of an activity on. */
  alone = false;
  /** Images that were on a detector when it was lost, each alone in its activity. */
  readonly suspects = new Set<number>();
  /** A detector was lost under a suspect in this round. */
  lostAlone = false;
  #failed = 0;

  waitMs(progressed: boolean): number {
    this.#failed = progressed ? Math.min(this.#failed, 2) : this.#failed;
    this.#failed += 1;
    const waitMs = Math.min(60_000, 1000 * 2 ** (this.#failed - 1));
    return this.lostAlone ? waitMs + Math.floor(Math.random() * APART_MS) : waitMs;
  }
}
