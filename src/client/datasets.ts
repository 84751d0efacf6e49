import { createHash, randomBytes } from 'node:crypto';
import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowIdReusePolicy,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TypedSearchAttributes } from '@temporalio/common';
import {
  DATASET,
  datasetId,
  ORCHESTRATION_QUEUE,
  type DatasetProgress,
  type DatasetRunRequest,
  type DatasetRunResult,
} from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';

const CALL_MS = 10_000;

/** How a run ended. */
export type DatasetEnd =
  { kind: 'done'; result: DatasetRunResult } | { kind: 'failed'; message: string } | { kind: 'cancelled' };

/** A run that was asked for. */
export interface StartedRun {
  workflowId: string;
  /** False: it was asked for before, under the same key. */
  isNew: boolean;
  /** The memo that it was begun with, and what it has added since. Only where one was given. */
  memo?: Record<string, unknown>;
}

/**
 * Starts a run of a dataset. With a key there is one run of it, for as long as Temporal keeps it, however often it is
 * asked for; the answer is the same, and `memo` says what the first who asked gave. Throws when Temporal does not answer.
 */
export async function startDatasetRun(
  client: Client,
  request: DatasetRunRequest,
  key?: string,
  memo?: Record<string, unknown>,
): Promise<StartedRun> {
  const { dataset, trigger } = request;
  const last = key === undefined ? randomBytes(6).toString('hex') : digest(key);
  const workflowId = `${datasetId(dataset)}/${trigger}/${last}`;
  try {
    await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.start(DATASET.workflow, {
        workflowId,
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        ...startOptions(request),
        ...(memo === undefined ? {} : { memo }),
      }),
    );
    return { workflowId, isNew: true, ...(memo === undefined ? {} : { memo }) };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    if (memo === undefined) return { workflowId, isNew: false };
    const before = await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    return { workflowId, isNew: false, memo: before.memo ?? {} };
  }
}

/** An upload that a dataset waits for has come: starts a run that gathers others, or tells the one that there is. */
export async function uploadedTo(client: Client, dataset: string): Promise<void> {
  const request: DatasetRunRequest = { dataset, trigger: 'upload' };
  await client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.signalWithStart(DATASET.workflow, {
      workflowId: `${datasetId(dataset)}/uploads`,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      signal: DATASET.uploaded,
      signalArgs: [],
      ...startOptions(request),
    }),
  );
}

function startOptions(request: DatasetRunRequest) {
  return {
    taskQueue: ORCHESTRATION_QUEUE,
    args: [request] as [DatasetRunRequest],
    typedSearchAttributes: new TypedSearchAttributes([{ key: SEARCH_ATTRIBUTES.dataset, value: request.dataset }]),
    staticSummary: `${request.dataset}, ${request.trigger}`,
  };
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 24);
}

/** Waits for the end of a run, whatever the number of its executions. Throws when Temporal can't be reached. */
export async function datasetEnd(handle: WorkflowHandle): Promise<DatasetEnd> {
  try {
    return { kind: 'done', result: (await handle.result()) as DatasetRunResult };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof CancelledFailure) return { kind: 'cancelled' };
    const message = error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause ?? error).message;
    return { kind: 'failed', message };
  }
}

/** Where a run stands; undefined when no orchestrator answers within 5 s. */
export async function datasetProgress(client: Client, handle: WorkflowHandle): Promise<DatasetProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + CALL_MS / 2, () => handle.query<DatasetProgress>(DATASET.progress));
  } catch {
    return undefined;
  }
}

/** When a dataset is run by itself; times in milliseconds. */
export interface DatasetSchedule {
  cron: string | undefined;
  everyMs: number | undefined;
  timeZone: string;
  jitterMs: number | undefined;
  /** What is due while a run is under way. */
  overlap: 'skip' | 'buffer' | 'cancel';
  /** What was due while Temporal was away is made up for so long. */
  catchUpMs: number;
  paused: boolean;
}

const OVERLAP: Readonly<Record<DatasetSchedule['overlap'], ScheduleOverlapPolicy>> = {
  skip: ScheduleOverlapPolicy.SKIP,
  buffer: ScheduleOverlapPolicy.BUFFER_ONE,
  cancel: ScheduleOverlapPolicy.CANCEL_OTHER,
};
/** Tells a pause of the manifest from one of a person. */
const PAUSED_BY_MANIFEST = 'paused by its manifest';

/** Makes or changes the schedule of a dataset, or removes it. A person's pause stays. */
export async function ensureDatasetSchedule(
  client: Client,
  dataset: string,
  schedule: DatasetSchedule | undefined,
): Promise<void> {
  const handle = client.schedule.getHandle(datasetId(dataset));
  if (schedule === undefined) {
    await handle.delete().catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
    return;
  }
  const options = scheduleOptions(dataset, schedule);
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await handle.update((current) => ({ ...options, state: stateOf(current, schedule) }));
  }
}

function stateOf({ state }: ScheduleDescription, { paused }: DatasetSchedule): NonNullable<ScheduleOptions['state']> {
  if (paused) return { paused, note: PAUSED_BY_MANIFEST };
  const isPersons = state.paused && state.note !== PAUSED_BY_MANIFEST;
  return { paused: isPersons, ...(isPersons && state.note !== undefined ? { note: state.note } : {}) };
}

function scheduleOptions(dataset: string, schedule: DatasetSchedule) {
  const { cron, everyMs, timeZone, jitterMs, overlap, catchUpMs, paused } = schedule;
  return {
    scheduleId: datasetId(dataset),
    spec: {
      ...(cron === undefined ? {} : { cronExpressions: [cron] }),
      ...(everyMs === undefined ? {} : { intervals: [{ every: everyMs }] }),
      timezone: timeZone,
      ...(jitterMs === undefined ? {} : { jitter: jitterMs }),
    },
    policies: { overlap: OVERLAP[overlap], catchupWindow: catchUpMs },
    state: { paused, ...(paused ? { note: PAUSED_BY_MANIFEST } : {}) },
    action: {
      type: 'startWorkflow' as const,
      workflowType: DATASET.workflow,
      workflowId: datasetId(dataset),
      ...startOptions({ dataset, trigger: 'schedule' }),
    },
    typedSearchAttributes: new TypedSearchAttributes([{ key: SEARCH_ATTRIBUTES.dataset, value: dataset }]),
  } satisfies ScheduleOptions;
}

/**
 * Has the schedule of a dataset make up for a span of time, one run after the other, each for the moment that it would have
 * had. Throws ScheduleNotFoundError where the dataset has none.
 */
export async function backfillDataset(client: Client, dataset: string, from: Date, to: Date): Promise<void> {
  await client.schedule
    .getHandle(datasetId(dataset))
    .backfill({ start: from, end: to, overlap: ScheduleOverlapPolicy.BUFFER_ALL });
}

/** Whether a dataset has a schedule. Throws when Temporal does not answer. */
export async function hasSchedule(client: Client, dataset: string): Promise<boolean> {
  try {
    await client.schedule.getHandle(datasetId(dataset)).describe();
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}
