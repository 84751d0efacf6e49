import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { DATASET, type DatasetCounts, type DatasetProgress } from '../domain/index.js';
import { datasetEnd, datasetProgress } from './datasets.js';

/** A run, as Temporal knows it. */
export interface DatasetExecution {
  workflowId: string;
  /** Its first execution: the id of the run in its record. */
  runId: string;
  status: 'running' | 'published' | 'unchanged' | 'failed' | 'cancelled' | 'terminated';
  /** Undefined while no orchestrator answers. */
  step: DatasetProgress['step'] | undefined;
  /** Undefined where Temporal does not know them: of a run that did not end well, its record does. */
  counts: DatasetCounts | undefined;
  warnings: string[] | undefined;
  failure: string | undefined;
  /** When it was asked for. */
  startedAt: Date;
  endedAt: Date | undefined;
}

type Ended = Pick<DatasetExecution, 'status' | 'counts' | 'warnings' | 'failure'>;

const NOTHING_KNOWN = { counts: undefined, warnings: undefined, failure: undefined };

/**
 * The latest run of a workflow; undefined where Temporal has none, or none any more. Takes until `deadlineMs` (milliseconds
 * since the epoch), and 5 s more where no orchestrator answers. Throws when Temporal does not.
 */
export async function findDatasetRun(
  client: Client,
  workflowId: string,
  deadlineMs: number,
): Promise<DatasetExecution | undefined> {
  const found = await client.withDeadline(deadlineMs, () => describe(client, workflowId));
  if (found?.type !== DATASET.workflow) return undefined;
  const runId = found.raw.workflowExecutionInfo?.firstRunId ?? found.runId;
  const handle = client.workflow.getHandle(workflowId, found.runId);
  const startedAt = await client.withDeadline(deadlineMs, () => startOf(client, found, runId));
  const of = { workflowId, runId, startedAt, endedAt: found.closeTime };
  const ended = await client.withDeadline(deadlineMs, () => endOf(handle, found));
  if (ended !== undefined) return { ...of, ...ended, step: 'done' };
  const progress = await datasetProgress(client, handle);
  return { ...of, ...NOTHING_KNOWN, status: 'running', step: progress?.step, counts: progress?.counts };
}

async function describe(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Of the first execution of a run that was continued as new; where that is gone, of the one that there is. */
async function startOf(client: Client, found: WorkflowExecutionDescription, firstRunId: string): Promise<Date> {
  if (firstRunId === found.runId) return found.startTime;
  return (await describe(client, found.workflowId, firstRunId))?.startTime ?? found.startTime;
}

/** How an execution ended; undefined where it has not, or goes on as another. */
async function endOf(handle: WorkflowHandle, { status }: WorkflowExecutionDescription): Promise<Ended | undefined> {
  switch (status.name) {
    case 'COMPLETED':
    case 'FAILED': {
      const end = await datasetEnd(handle);
      if (end.kind === 'cancelled') return { ...NOTHING_KNOWN, status: 'cancelled' };
      if (end.kind === 'failed') return { ...NOTHING_KNOWN, status: 'failed', failure: end.message };
      const { counts, warnings, status: how } = end.result;
      return { status: how, counts, warnings, failure: undefined };
    }
    case 'CANCELLED':
      return { ...NOTHING_KNOWN, status: 'cancelled' };
    case 'TERMINATED':
      return { ...NOTHING_KNOWN, status: 'terminated' };
    case 'TIMED_OUT':
      return { ...NOTHING_KNOWN, status: 'failed', failure: 'the run took longer than Temporal lets it' };
    case 'RUNNING':
    case 'PAUSED':
    case 'CONTINUED_AS_NEW':
    case 'UNSPECIFIED':
    case 'UNKNOWN':
      return undefined;
  }
}

/** A server that is asked with little time left answers at once, again and again: it is always asked with so much. */
const PATIENCE_MS = 60_000;

/**
 * Waits for the end of the run of a workflow, however it ends, or until `deadlineMs` (milliseconds since the epoch), or
 * `signal`. Never throws: whoever asks next is told what it was.
 */
export async function untilDatasetEnd(
  client: Client,
  workflowId: string,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, Math.max(0, deadlineMs - Date.now()));
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await client.withAbortSignal(over.signal, () =>
      client.withDeadline(deadlineMs + PATIENCE_MS, () => client.workflow.getHandle(workflowId).result()),
    );
  } catch {
    // Its end, the deadline, the signal, or a server that is away.
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
