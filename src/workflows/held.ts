import {
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import { BREAKER_SIGNALS, BREAKER_WORKFLOW_ID } from '../domain/breaker.js';
import type { OrchestrationActivities } from '../domain/index.js';
import { IMAGE_REASONS } from '../domain/reasons.js';
import { ORCHESTRATION_QUEUE } from '../domain/topics.js';
import type { BatchState, Exhausted } from './batchState.js';
import { untilDone } from './untilDone.js';

/** False only while what an older release has done is replayed: there a batch had no breaker. */
const hasBreaker = (): boolean => patched('breaker');

const { holdImages } = proxyActivities<OrchestrationActivities>({
  taskQueue: ORCHESTRATION_QUEUE,
  startToCloseTimeout: '1 minute',
  retry: { maximumAttempts: 200, initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** Tells the breaker of images that fail again and again for a reason that is the system's. */
export async function tellBreaker(state: BatchState): Promise<void> {
  const evidence = state.takeEvidence();
  if (evidence.length > 0 && hasBreaker()) await signalBreaker(BREAKER_SIGNALS.evidence, evidence);
}

/** Tells the breaker what became of a probe. */
export async function tellOutcome(state: BatchState): Promise<void> {
  for (const outcome of state.probeOutcomes()) await signalBreaker(BREAKER_SIGNALS.probed, outcome);
}

/**
 * Puts back into Kafka those of the images whose source's breaker is open, and returns the others: nobody can help
 * those by waiting. All that a probe has not detected go back: they have had fewer tries than others.
 */
export async function hold(state: BatchState, exhausted: readonly Exhausted[]): Promise<readonly Exhausted[]> {
  const waiting = exhausted.filter(({ failure }) => state.isProbe || IMAGE_REASONS[failure.reason].systemic);
  if (waiting.length === 0 || !hasBreaker()) return exhausted;
  const input = state.holdInput(waiting, workflowInfo().workflowId);
  const indexes = await untilDone(() => holdImages(input));
  const held = new Set(indexes.flatMap((index) => (waiting[index] ? [waiting[index].image] : [])));
  state.hold([...held]);
  return exhausted.filter(({ image }) => !held.has(image));
}

/** Where the breaker does not run, there is none: images die as they would without it. */
async function signalBreaker(signal: string, value: unknown): Promise<void> {
  try {
    await getExternalWorkflowHandle(BREAKER_WORKFLOW_ID).signal(signal, value);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}
