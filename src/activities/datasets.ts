import { ApplicationFailure, Context } from '@temporalio/activity';
import {
  DatasetError,
  endRun,
  InputError,
  loadBucket,
  planRun,
  publishRun,
  settleRun,
  StagingError,
  stageShare,
  tellEnd,
  type DatasetDependencies,
} from '../datasets/index.js';
import type { DatasetActivities, StagedInputs } from '../domain/index.js';

const BEAT_EVERY_MS = 2_000;

/** Activities on the queue of datasets: the steps of runs. */
export function createDatasetActivities(dependencies: DatasetDependencies): DatasetActivities {
  return {
    planDataset: ({ run, request }) =>
      whileBeating(({ cancellationSignal }) => planRun(dependencies, run, request, cancellationSignal)),
    stageInputs: ({ run, plan, share, from }) =>
      whileBeating(({ info, cancellationSignal: signal }, onProgress) => {
        const before = info.heartbeatDetails as StagedInputs | undefined;
        return stageShare(dependencies, { run, plan, share, from, before, signal, onProgress });
      }),
    settleDataset: ({ run, plan, staged }) => whileBeating(() => settleRun(dependencies, run, plan, staged)),
    loadDataset: ({ run, plan, ...of }) => whileBeating(() => loadBucket(dependencies, run, plan, of)),
    publishDataset: ({ run, plan, loads }) => whileBeating(() => publishRun(dependencies, run, plan, loads)),
    endDataset: (end) => whileBeating(() => endRun(dependencies, end)),
    tellDataset: (end) => tellEnd(dependencies, end, Date.now()),
  };
}

/** Says every two seconds that the work goes on and how far it has come. What no later try helps fails for good. */
async function whileBeating<T>(
  work: (context: Context, onProgress: (progress: StagedInputs) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let progress = context.info.heartbeatDetails as StagedInputs | undefined;
  const beat = setInterval(() => context.heartbeat(progress), BEAT_EVERY_MS);
  try {
    return await work(context, (now) => {
      progress = now;
      context.heartbeat(now);
    });
  } catch (error) {
    const { cancellationSignal } = context;
    if (cancellationSignal.aborted) throw cancellationSignal.reason;
    throw isFinal(error) ? ApplicationFailure.nonRetryable(error.message, error.name) : error;
  } finally {
    clearInterval(beat);
  }
}

function isFinal(error: unknown): error is Error {
  return [DatasetError, InputError, StagingError].some((kind) => error instanceof kind) || isRefused(error);
}

/** What a server answered, and would again. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === false;
}
