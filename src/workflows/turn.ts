import {
  CancellationScope,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { datasetTurnId } from '../domain/datasets.js';
import { datasetTurn, releaseSignal, type TurnHolder } from './datasetTurn.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Waits until no other run of the dataset is at work. False when the history has grown long over it: the workflow should
 * continue as new and ask again. Cancellation ends the wait.
 */
export async function takeTurn(dataset: string): Promise<boolean> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 1.5, LONGEST_WAIT_MS)) {
    try {
      // Not cancelled with the run: it is given back once the run has cleaned up.
      await CancellationScope.nonCancellable(() =>
        startChild(datasetTurn, {
          workflowId: datasetTurnId(dataset),
          args: [holder()],
          // It looks after itself: a run that continues as new keeps its turn.
          parentClosePolicy: ParentClosePolicy.ABANDON,
          staticSummary: `turn of ${dataset}`,
        }),
      );
      return true;
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (workflowInfo().continueAsNewSuggested) return false;
      await sleep(waitMs);
    }
  }
}

/** Gives the turn back; where nobody can be told, it is noticed within a minute. */
export async function giveTurnBack(dataset: string): Promise<void> {
  await getExternalWorkflowHandle(datasetTurnId(dataset))
    .signal(releaseSignal, holder())
    .catch(() => undefined);
}

/** Its class is of a package that workflows do not import. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}

function holder(): TurnHolder {
  const { workflowId, firstExecutionRunId: runId } = workflowInfo();
  return { workflowId, runId };
}
