import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { FIRST_START, type BatchResult, type DetectBatchInput } from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';
import { startOptions } from './startBatch.js';

/** The last run of a batch. */
export interface LastRun {
  workflowId: string;
  runId: string;
  /** RUNNING, COMPLETED, FAILED, …, as Temporal names them. */
  status: string;
  closedAt: Date | null;
  model: string;
  images: number;
  /** Dead images by reason code; null where the run did not come to tell them. */
  dead: Record<string, number> | null;
  memo: Record<string, unknown>;
}

/** Dead images of runs by run id: what a run that has ended told does not change. */
export type KnownDead = Pick<Map<string, LastRun['dead']>, 'get' | 'has' | 'set'>;

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;
const PAGE = 1_000;

/**
 * Ids of batches of which some run ended Failed, TimedOut or Terminated, those that closed last first; `most` at most,
 * each once. Its last run may have ended well: `lastRunOf` tells. Visibility follows executions within seconds.
 */
export async function failedBatches(
  client: Client,
  only: { closedSince?: Date; model?: string },
  most: number,
): Promise<{ ids: string[]; isAll: boolean }> {
  const query = [
    `WorkflowType = 'detectBatch'`,
    `ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')`,
    ...(only.closedSince ? [`CloseTime >= '${only.closedSince.toISOString()}'`] : []),
    ...(only.model === undefined ? [] : [`PenstockModel = '${only.model}'`]),
  ].join(' AND ');
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query, pageSize: Math.min(most, PAGE) })) {
    if (ids.size >= most && !ids.has(workflowId)) return { ids: [...ids], isAll: false };
    ids.add(workflowId);
  }
  return { ids: [...ids], isAll: true };
}

/** Undefined where Temporal keeps no batch of that id. A run's dead images are read where `known` does not have them. */
export async function lastRunOf(
  client: Client,
  workflowId: string,
  known: KnownDead = new Map(),
): Promise<LastRun | undefined> {
  try {
    const run = await bounded(client, () => client.workflow.getHandle(workflowId).describe());
    if (run.type !== 'detectBatch') return undefined;
    return {
      ...{ workflowId, runId: run.runId, status: run.status.name, closedAt: run.closeTime ?? null },
      model: run.typedSearchAttributes.get(SEARCH_ATTRIBUTES.model) ?? '',
      images: run.typedSearchAttributes.get(SEARCH_ATTRIBUTES.images) ?? 0,
      dead: run.status.name === 'FAILED' ? await deadOnce(client, workflowId, run.runId, known) : null,
      memo: run.memo ?? {},
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/**
 * Starts a batch again whose last run has failed. `exists`: it runs already, or has ended well meanwhile. Throws when the
 * outcome is unknown (server away): again is harmless.
 */
export async function startAgain(client: Client, run: LastRun): Promise<'started' | 'exists'> {
  const { workflowId, runId } = run;
  const input = await bounded(client, () => inputOf(client, workflowId, runId));
  const options = startOptions({ workflowId, input, memo: withoutMark(run.memo) });
  try {
    await bounded(client, () =>
      client.workflow.start('detectBatch', {
        ...options,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      }),
    );
    return 'started';
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'exists';
    throw error;
  }
}

async function deadOnce(client: Client, workflowId: string, runId: string, known: KnownDead): Promise<LastRun['dead']> {
  if (!known.has(runId)) known.set(runId, await deadOf(client, workflowId, runId));
  return known.get(runId) ?? null;
}

/** The first of the details of the failure is the result. */
async function deadOf(client: Client, workflowId: string, runId: string): Promise<LastRun['dead']> {
  const failure: unknown = await bounded(client, () =>
    client.workflow.getHandle(workflowId, runId, { followRuns: false }).result(),
  ).catch((error: unknown) => {
    if (error instanceof WorkflowFailedError) return error.cause;
    throw error;
  });
  if (!(failure instanceof ApplicationFailure) || failure.type !== 'DeadImages') return null;
  return (failure.details?.[0] as Partial<BatchResult> | undefined)?.dead ?? null;
}

/** What a run was started with, without what it and the circuit breakers had come to know. */
async function inputOf(client: Client, workflowId: string, runId: string): Promise<DetectBatchInput> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  const input: unknown = payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
  if (!isBatchInput(input)) throw new Error(`${workflowId} was not started with the input of a batch`);
  delete input.progress;
  delete input.probe;
  return input;
}

function isBatchInput(input: unknown): input is DetectBatchInput {
  const { model, buckets, images } = (input ?? {}) as Partial<DetectBatchInput>;
  return typeof model === 'string' && Array.isArray(buckets) && Array.isArray(images);
}

/** What says that nothing has been done yet would be a lie. */
function withoutMark(memo: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(memo).filter(([name]) => !Object.hasOwn(FIRST_START, name)));
}

/** Without a deadline the SDK tries for 20 s, and a server that accepts and says nothing holds it for minutes. */
function bounded<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return client.withDeadline(Date.now() + CALL_MS, call);
}
