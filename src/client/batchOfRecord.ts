import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { ImageInBatch, ImageRef } from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';

/** One image event as it lies in Kafka. */
export interface EventRecord {
  topic: string;
  partition: number;
  offset: bigint;
  /** Name of the model that is to detect it. */
  model: string;
}

/** The records that a batch stands for. */
export interface BatchRange {
  topic: string;
  partition: number;
  model: string;
  firstOffset: bigint;
  lastOffset: bigint;
}

/** The activity that a batch waits for. */
export interface PendingWork {
  /** `scheduled`: no worker has it; `started`: one works on it. */
  state: 'scheduled' | 'started';
  /** Counts from 1. */
  attempt: number;
  /** In this state since; null where the server does not say. */
  since: Date | null;
  /** Identity of the worker; null while there is none. */
  worker: string | null;
  /** Why the attempt before failed. */
  lastFailure: string | null;
}

/** An execution of `detectBatch`. */
export interface BatchAtWork {
  workflowId: string;
  runId: string;
  /** RUNNING, COMPLETED, FAILED, …, as Temporal names them. */
  status: string;
  startedAt: Date;
  closedAt: Date | null;
  /** Null between two rounds, and after the end. */
  pending: PendingWork | null;
}

/** Executions that one question looks through at most. */
const LOOKED_THROUGH = 2_000;
/** Clocks differ; a batch starts after its events were received. */
const CLOCKS_MS = 300_000;

/**
 * The execution that stands for a record: the running one, else the last that was started after the record was
 * received. Undefined when there is none among the latest 2,000 of its partition. Visibility follows executions within
 * seconds, so what has just been started may not be found.
 */
export async function batchOf(client: Client, record: EventRecord, receivedAt: Date): Promise<BatchAtWork | undefined> {
  const prefix = `WorkflowType = 'detectBatch' AND WorkflowId STARTS_WITH 'detect/${record.topic}/${record.partition}/'`;
  const since = new Date(receivedAt.getTime() - CLOCKS_MS).toISOString();
  const found =
    (await firstThatHolds(client, `${prefix} AND ExecutionStatus = 'Running'`, record)) ??
    (await firstThatHolds(client, `${prefix} AND StartTime > '${since}'`, record));
  return found === undefined ? undefined : describeBatch(client, found);
}

/** An execution by its id, without `runId` its last run; undefined when Temporal does not keep it any more. */
export async function describeBatch(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId?: string | undefined },
): Promise<BatchAtWork | undefined> {
  try {
    const execution = await client.workflow.getHandle(workflowId, runId).describe();
    const activity = execution.raw.pendingActivities?.[0];
    return {
      workflowId,
      runId: execution.runId,
      status: execution.status.name,
      startedAt: execution.startTime,
      closedAt: execution.closeTime ?? null,
      pending: activity === undefined ? null : pendingWork(activity),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Asks an execution for one of its images; null when it has none such. Needs an orchestrator that answers. */
export function imageInBatch(
  client: Client,
  { workflowId, runId }: Pick<BatchAtWork, 'workflowId' | 'runId'>,
  { bucket, object, generation }: ImageRef,
): Promise<ImageInBatch | null> {
  return client.workflow
    .getHandle(workflowId, runId)
    .query<ImageInBatch | null, [ImageRef]>('image', { bucket, object, generation });
}

/** The records of all open batches; at most `limit` executions are looked at. */
export async function openBatchRanges(client: Client, limit: number): Promise<BatchRange[]> {
  const query = `WorkflowType = 'detectBatch' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'detect/'`;
  const ranges: BatchRange[] = [];
  let looked = 0;
  for await (const execution of client.workflow.list({ query, pageSize: Math.min(limit, 1000) })) {
    const range = rangeOf(execution);
    if (range !== undefined) ranges.push(range);
    looked += 1;
    if (looked >= limit) break;
  }
  return ranges;
}

async function firstThatHolds(
  client: Client,
  query: string,
  { offset, model }: EventRecord,
): Promise<WorkflowExecutionInfo | undefined> {
  let looked = 0;
  for await (const execution of client.workflow.list({ query, pageSize: 1000 })) {
    const range = rangeOf(execution);
    if (range?.model === model && range.firstOffset <= offset && offset <= range.lastOffset) return execution;
    looked += 1;
    if (looked >= LOOKED_THROUGH) break;
  }
  return undefined;
}

/** `detect/<topic>/<partition>/<first offset>-…` and the memo; undefined for an execution of another kind. */
function rangeOf({ workflowId, memo, typedSearchAttributes }: WorkflowExecutionInfo): BatchRange | undefined {
  const [, topic, partition] = /^detect\/([^/]+)\/(\d+)\//.exec(workflowId) ?? [];
  const { firstOffset, lastOffset } = memo ?? {};
  const model = typedSearchAttributes.get(SEARCH_ATTRIBUTES.model);
  if (topic === undefined || model === undefined) return undefined;
  if (typeof firstOffset !== 'string' || typeof lastOffset !== 'string') return undefined;
  return {
    topic,
    partition: Number(partition),
    model,
    firstOffset: BigInt(firstOffset),
    lastOffset: BigInt(lastOffset),
  };
}

type RawActivity = NonNullable<NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number]>;

/** Of PendingActivityState in Temporal's API. */
const SCHEDULED = 1;

function pendingWork(activity: RawActivity): PendingWork {
  const isScheduled = (activity.state as number | null | undefined) === SCHEDULED;
  return {
    state: isScheduled ? 'scheduled' : 'started',
    attempt: activity.attempt ?? 1,
    since: dateOf(isScheduled ? activity.scheduledTime : activity.lastStartedTime),
    worker: isScheduled ? null : (activity.lastWorkerIdentity ?? null),
    lastFailure: activity.lastFailure?.message ?? null,
  };
}

function dateOf(time: RawActivity['scheduledTime']): Date | null {
  const seconds = time?.seconds;
  return seconds === null || seconds === undefined ? null : new Date(Number(seconds.toString()) * 1000);
}
