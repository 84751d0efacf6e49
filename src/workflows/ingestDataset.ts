import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import {
  DATASET,
  DATASETS_QUEUE,
  type DatasetActivities,
  type DatasetPlan,
  type DatasetProgress,
  type DatasetRun,
  type DatasetRunRequest,
  type DatasetRunResult,
  type EndDatasetInput,
} from '../domain/datasets.js';
import { DatasetState } from './datasetState.js';
import { inParallel } from './inParallel.js';
import { giveTurnBack, takeTurn } from './turn.js';

export const datasetProgressQuery = defineQuery<DatasetProgress>(DATASET.progress);
export const uploadedSignal = defineSignal(DATASET.uploaded);

/** A server that is away is waited for for about a day. A try whose worker died is repeated, from where it stood. */
const { planDataset, stageInputs, settleDataset, loadDataset, publishDataset, endDataset } =
  proxyActivities<DatasetActivities>({
    taskQueue: DATASETS_QUEUE,
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '20 seconds',
    // What was begun has ended before the next step begins.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 1_500 },
  });
const { tellDataset } = proxyActivities<DatasetActivities>({
  taskQueue: DATASETS_QUEUE,
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 day',
  retry: { initialInterval: '2 seconds', maximumInterval: '10 minutes', maximumAttempts: 200 },
});

/** Shares of a run that are read at once, and parts that are loaded at once. */
const SHARES_AT_ONCE = 4;
const LOADS_AT_ONCE = 2;
/** Uploads that come within this time share a run. */
const GATHER = '20 seconds';
/** Before it has the turn. Not made by a query: a query that took a random number would change those that follow. */
const WAITING: DatasetProgress = {
  ...{ step: 'waiting', shares: 0, sharesDone: 0, inputs: 0 },
  counts: { read: 0, quarantined: 0, duplicates: 0, loaded: 0 },
};
/** When a schedule meant a run to begin: Temporal says so itself. */
const SCHEDULED_AT = 'TemporalScheduledStartTime';

/**
 * One run of a dataset: plan, stage, check, load, publish. Nothing of it is seen before the last step, and all of it
 * after. Runs of one dataset take turns. Fails readably when its data or its source do not allow it.
 */
export async function ingestDataset(request: DatasetRunRequest): Promise<DatasetRunResult> {
  const begun: { state?: DatasetState } = {};
  setHandler(uploadedSignal, () => {
    if (begun.state) begun.state.isUploadedAgain = true;
  });
  setHandler(datasetProgressQuery, () => begun.state?.progress() ?? WAITING);
  if (request.state === undefined) {
    setCurrentDetails('Waits for its turn: another run of the dataset is at work.');
    if (request.trigger === 'upload') await sleep(GATHER);
    // The moment that it is for stays that at which it was asked for.
    if (!(await takeTurn(request.dataset)))
      return continueAsNew<typeof ingestDataset>({ ...request, logicalDate: logicalDateOf(request) });
  }
  // Only who has the turn takes a number.
  const state = new DatasetState(request.state?.run ?? runOf(request), request.state);
  begun.state = state;
  const end = await toItsEnd(state, request);
  upsertMemo({ ...end.counts });
  if (end.status === 'cancelled') throw new CancelledFailure('the run was cancelled; nothing of it is visible');
  const { dataset, trigger } = request;
  // Also after one that failed, as its record says: what came meanwhile is not forgotten, and may be what it lacked.
  if (state.isUploadedAgain) return continueAsNew<typeof ingestDataset>({ dataset, trigger });
  if (end.status === 'failed')
    throw ApplicationFailure.nonRetryable(end.failure ?? 'the run failed', 'DatasetRunFailed', end.counts);
  const { status, counts, warnings } = end;
  return { status, number: state.run.number, counts, inputs: state.inputs(), warnings };
}

/**
 * Greater than that of every run before it, since runs take turns: milliseconds, and ten bits against servers whose
 * clocks differ.
 */
function runOf(request: DatasetRunRequest): DatasetRun {
  const { dataset, trigger } = request;
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return {
    dataset,
    number: String(Date.now() * 1_024 + Math.floor(Math.random() * 1_024)),
    workflowId,
    runId: firstExecutionRunId,
    trigger,
    logicalDate: logicalDateOf(request),
    startedAt: new Date(Date.now()).toISOString(),
  };
}

/** What was asked for, else when its schedule meant it to begin, else when it did. */
function logicalDateOf({ logicalDate }: DatasetRunRequest): string {
  const { startTime, typedSearchAttributes } = workflowInfo();
  const scheduledAt = typedSearchAttributes.getAll().find(({ key }) => key.name === SCHEDULED_AT)?.value;
  return new Date(logicalDate ?? (scheduledAt instanceof Date ? scheduledAt : startTime)).toISOString();
}

/** Whatever becomes of the run: its record is written, its staging tables are gone, and the next has the turn. */
async function toItsEnd(state: DatasetState, request: DatasetRunRequest): Promise<EndDatasetInput> {
  let status: EndDatasetInput['status'];
  let failure: string | undefined;
  try {
    status = await work(state, request);
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    status = isCancellation(error) ? 'cancelled' : 'failed';
    failure = messageOf(error);
  }
  const { run, plan, staged, settled } = state;
  const end: EndDatasetInput = {
    ...{ run, status, staged, counts: state.counts(), warnings: state.warnings() },
    ...(plan === undefined ? {} : { plan }),
    ...(settled === undefined ? {} : { settled }),
    ...(failure === undefined ? {} : { failure }),
  };
  await CancellationScope.nonCancellable(async () => {
    await endDataset(end);
    await giveTurnBack(run.dataset);
    // The run is what it is, also where nobody can be told.
    if (state.tells) await tellDataset(end).catch(() => undefined);
  });
  state.step = 'done';
  setCurrentDetails(state.describe());
  return end;
}

async function work(state: DatasetState, request: DatasetRunRequest): Promise<'published' | 'unchanged'> {
  const { run } = state;
  if (state.plan === undefined) {
    at(state, 'planning');
    const outcome = await planDataset({ run, request });
    if (outcome.kind !== 'plan') state.tells = outcome.tells;
    if (outcome.kind === 'nothing') return 'unchanged';
    if (outcome.kind === 'impossible') throw ApplicationFailure.nonRetryable(outcome.what, 'DatasetImpossible');
    state.setPlan(outcome.plan);
  }
  const plan = state.plan as DatasetPlan;
  at(state, 'staging');
  await stageShares(state, plan, request);
  at(state, 'checking');
  const settled = await settleDataset({ run, plan, staged: state.staged });
  state.settled = settled;
  stopFor(settled.failure);
  at(state, 'loading');
  const buckets = Array.from({ length: settled.buckets }, (_, bucket) => bucket);
  await inParallel(buckets, LOADS_AT_ONCE, async (bucket) => {
    state.loads.push(await loadDataset({ run, plan, pieces: state.staged.pieces, settled, bucket }));
  });
  at(state, 'publishing');
  await CancellationScope.nonCancellable(() => publishDataset({ run, plan, loads: state.loads }));
  return 'published';
}

async function stageShares(state: DatasetState, plan: DatasetPlan, request: DatasetRunRequest): Promise<void> {
  const { run } = state;
  const mayGoOn = (): boolean => state.staged.failure === undefined && !workflowInfo().continueAsNewSuggested;
  await inParallel(state.open(), SHARES_AT_ONCE, async (share) => {
    for (let isOpen = true; isOpen && mayGoOn();) {
      const from = state.position(share);
      const call = await stageInputs({ run, plan, share, ...(from === undefined ? {} : { from }) });
      state.take(share, call);
      isOpen = call.next !== undefined;
      setCurrentDetails(state.describe());
    }
  });
  stopFor(state.staged.failure);
  const carried = state.carried();
  if (state.open().length > 0 && carried !== undefined)
    await continueAsNew<typeof ingestDataset>({ ...request, state: carried });
}

function stopFor(failure: string | undefined): void {
  if (failure !== undefined) throw ApplicationFailure.nonRetryable(failure, 'DatasetRefused');
}

function at(state: DatasetState, step: DatasetProgress['step']): void {
  state.step = step;
  setCurrentDetails(state.describe());
}

function messageOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, 2_000);
}
