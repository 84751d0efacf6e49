import { createHash } from 'node:crypto';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TypedSearchAttributes } from '@temporalio/common';
import {
  BACKFILL,
  ORCHESTRATION_QUEUE,
  type BackfillInput,
  type BackfillOptions,
  type BackfillPace,
  type BackfillProgress,
  type BackfillResult,
} from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;

/** How a backfill ended. */
export type BackfillEnd =
  { status: 'done'; result: BackfillResult } | { status: 'failed'; message: string } | { status: 'cancelled' };

/**
 * Id of the one backfill that these options mean. Its pace does not count. `since` counts as it was written: `2h` is
 * the same a minute later, and so attaches to the backfill that it started.
 */
export function backfillId(options: BackfillOptions, since?: string): string {
  const { bucket, prefix, startAfter = '', model = '', lane = '', missing, dryRun } = options;
  const identity = JSON.stringify([prefix, startAfter, model, lane, missing, dryRun, since ?? '']);
  return `backfill/${bucket}/${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
}

/**
 * Starts the backfill of that id, or attaches to the one that runs; one that has ended may be started again. Throws when
 * the server does not answer.
 */
export async function startBackfill(
  client: Client,
  workflowId: string,
  input: BackfillInput,
): Promise<{ handle: WorkflowHandle; isAttached: boolean }> {
  try {
    const handle = await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.start(BACKFILL.workflow, {
        workflowId,
        taskQueue: ORCHESTRATION_QUEUE,
        args: [input],
        typedSearchAttributes: new TypedSearchAttributes([
          { key: SEARCH_ATTRIBUTES.bucket, value: [input.bucket] },
          ...(input.model === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.model, value: input.model }]),
        ]),
        staticSummary: `gs://${input.bucket}/${input.prefix}`.slice(0, 200),
      }),
    );
    return { handle, isAttached: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { handle: client.workflow.getHandle(workflowId), isAttached: true };
  }
}

/** Changes the pace of a backfill that runs; false when it has ended meanwhile. */
export function setBackfillPace(client: Client, handle: WorkflowHandle, pace: Partial<BackfillPace>): Promise<boolean> {
  return whileItRuns(client, () => handle.signal(BACKFILL.pace, pace));
}

/** Has the backfill of that id stop after the page it is at; false when none runs. */
export function cancelBackfill(client: Client, handle: WorkflowHandle): Promise<boolean> {
  return whileItRuns(client, async () => {
    // The server takes a cancellation of what has ended without a word.
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') throw new WorkflowNotFoundError('it has ended', handle.workflowId, undefined);
    await handle.cancel();
  });
}

/** Where it stands, also after its end; undefined when no orchestrator answers within 5 s. */
export async function backfillProgress(client: Client, handle: WorkflowHandle): Promise<BackfillProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + CALL_MS / 2, () => handle.query<BackfillProgress>(BACKFILL.progress));
  } catch {
    return undefined;
  }
}

/** Waits for its end, whatever the number of its runs. Throws when the server can't be reached. */
export async function backfillEnd(handle: WorkflowHandle): Promise<BackfillEnd> {
  try {
    return { status: 'done', result: (await handle.result()) as BackfillResult };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof CancelledFailure) return { status: 'cancelled' };
    const message = error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause ?? error).message;
    return { status: 'failed', message };
  }
}

async function whileItRuns(client: Client, call: () => Promise<unknown>): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + CALL_MS, call);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
