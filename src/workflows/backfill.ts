import {
  ActivityFailure,
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import {
  BACKFILL,
  type BackfillInput,
  type BackfillPace,
  type BackfillPageInput,
  type BackfillPageOutcome,
  type BackfillProgress,
  type BackfillResult,
} from '../domain/backfill.js';
import type { OrchestrationActivities } from '../domain/index.js';
import { BackfillState } from './backfillState.js';

const progressQuery = defineQuery<BackfillProgress>(BACKFILL.progress);
const paceSignal = defineSignal<[Partial<BackfillPace>]>(BACKFILL.pace);

/**
 * Nothing bounds its time in the queue: an orchestrator that is away is waited for. A try that dies is repeated, and
 * with it at most one page.
 */
const { backfillPage } = proxyActivities<OrchestrationActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3, initialInterval: '1 second', maximumInterval: '10 seconds' },
});

/** A page that fails for a defect is tried again for so long. */
const DEFECT_PATIENCE_MS = 3_600_000;

/**
 * Sends the objects of a bucket through, page by page in the order of their names. It holds the position; a page is an
 * activity. Waits while enough images are in the lane, so that live uploads never stand behind more than that, and for
 * servers that are away. Fails readably for what no waiting helps, with the position in its message.
 */
export async function backfill(input: BackfillInput): Promise<BackfillResult> {
  const state = new BackfillState(input, Date.now());
  setHandler(progressQuery, () => state.progress);
  setHandler(paceSignal, (pace) => state.setPace(pace));
  setCurrentDetails(state.describe());

  for (;;) {
    const beganAtMs = Date.now();
    const outcome = await page(state.nextPage(`backfill/${workflowInfo().firstExecutionRunId}`));
    const step = state.take(outcome, beganAtMs, Date.now());
    setCurrentDetails(state.describe());
    const { counts, startedAtMs } = state.progress;
    if (step.kind === 'end') return { counts, startedAtMs, endedAtMs: Date.now() };
    if (step.kind === 'fail') {
      throw ApplicationFailure.create({
        type: 'BackfillStopped',
        nonRetryable: true,
        message: state.describeStop(step.why),
        details: [state.progress],
      });
    }
    // A short wait costs as many events as a long one, and the next page takes time anyway.
    if (step.ms >= 20) await sleep(step.ms);
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof backfill>({ ...input, pace: state.progress.pace, progress: state.progress });
    }
  }
}

async function page(input: BackfillPageInput): Promise<BackfillPageOutcome> {
  try {
    return await backfillPage(input);
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const what = `the page failed: ${(error.cause?.message ?? error.message).slice(0, 300)}`;
    return { kind: 'waiting', what, patienceMs: DEFECT_PATIENCE_MS };
  }
}
