import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type WorkflowHandle, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';

/** Search attributes of Penstock's workflows: contracts that operators query by. */
export const SEARCH_ATTRIBUTES = {
  bucket: defineSearchAttributeKey('PenstockBucket', 'KEYWORD_LIST'),
  model: defineSearchAttributeKey('PenstockModel', 'KEYWORD'),
  images: defineSearchAttributeKey('PenstockImages', 'INT'),
  dead: defineSearchAttributeKey('PenstockDead', 'INT'),
  dataset: defineSearchAttributeKey('PenstockDataset', 'KEYWORD'),
};

/** Ids of open `detectBatch` executions whose batches were read from `topic`; at most `limit`. */
export async function openBatches(client: Client, topic: string, limit: number): Promise<string[]> {
  const query = `WorkflowType = 'detectBatch' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'detect/${topic}/'`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query, pageSize: Math.min(limit, 1000) })) {
    ids.push(workflowId);
    if (ids.length >= limit) break;
  }
  return ids;
}

/**
 * Resolves when the execution has closed, however it ended. Waits through a server that is away; rejects only when
 * `signal` aborts.
 */
export async function followBatch(handle: Pick<WorkflowHandle, 'result'>, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await handle.result();
      return;
    } catch (error) {
      if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError) return;
    }
    await sleep(1000, undefined, { signal });
  }
}
