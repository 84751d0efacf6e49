import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { DATASET } from '../domain/datasets.js';
import type { OrchestrationActivities } from '../domain/index.js';

/** Who has the turn: a workflow and its first execution, so that a later one of the same id is another. */
export interface TurnHolder {
  workflowId: string;
  runId: string;
}

export const releaseSignal = defineSignal<[TurnHolder]>(DATASET.release);

/** Somebody may terminate the holder. */
const LOOK_EVERY = '30 seconds';

const { isExecutionOpen } = proxyActivities<Pick<OrchestrationActivities, 'isExecutionOpen'>>({
  startToCloseTimeout: '10 seconds',
  retry: { maximumInterval: '30 seconds', maximumAttempts: 100 },
});

/**
 * Stands for the turn of a dataset: there is at most one execution of its id. Ends when its holder gives the turn back,
 * or is open no more.
 */
export async function datasetTurn(holder: TurnHolder): Promise<void> {
  let isReleased = false;
  setHandler(releaseSignal, ({ runId }) => {
    isReleased ||= runId === holder.runId;
  });
  while (!(await condition(() => isReleased, LOOK_EVERY))) {
    if (!(await isExecutionOpen(holder))) return;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof datasetTurn>(holder);
  }
}
