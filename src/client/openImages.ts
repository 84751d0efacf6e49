import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './batches.js';

const OPEN = `WorkflowType = 'detectBatch' AND ExecutionStatus = 'Running'`;
/** Executions that are asked at once. */
const WIDTH = 16;

/**
 * Images of open batches that are not detected yet: those of the batch, less what the heartbeat of its running activity
 * says is done. At most `most` batches are asked; further ones count as many as these on average. Never less than there are,
 * but for what was done in the last two seconds.
 */
export async function openImages(client: Client, most: number): Promise<number> {
  const open = await client.workflow.count(OPEN);
  const batches: { workflowId: string; images: number }[] = [];
  for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query: OPEN, pageSize: most })) {
    batches.push({ workflowId, images: typedSearchAttributes.get(SEARCH_ATTRIBUTES.images) ?? 0 });
    if (batches.length >= most) break;
  }
  let pending = 0;
  for (let first = 0; first < batches.length; first += WIDTH) {
    const left = batches.slice(first, first + WIDTH).map(async ({ workflowId, images }) => {
      const execution = await client.workflow.getHandle(workflowId).describe();
      // Closed meanwhile: visibility follows.
      return execution.status.name === 'RUNNING' ? Math.max(0, images - doneOf(execution)) : 0;
    });
    for (const images of await Promise.all(left)) pending += images;
  }
  return batches.length === 0 ? 0 : Math.round((pending * Math.max(open.count, batches.length)) / batches.length);
}

/** Images that the running activity has finished, by its last heartbeat. */
function doneOf({ raw }: WorkflowExecutionDescription): number {
  const data = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
  if (data === null || data === undefined) return 0;
  const { detected, dead } = JSON.parse(Buffer.from(data).toString('utf8')) as { detected?: string; dead?: unknown[] };
  const bits = Buffer.from(detected ?? '', 'base64');
  return bits.reduce((sum, byte) => sum + ones(byte), 0) + (dead?.length ?? 0);
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
  return count;
}
