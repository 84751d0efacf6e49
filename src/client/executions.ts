import { type Client, WorkflowNotFoundError } from '@temporalio/client';

const CALL_MS = 5_000;

/** Whether a workflow whose first execution is named is still open, maybe continued as new. Throws when nobody answers. */
export async function isExecutionOpen(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId: string },
): Promise<boolean> {
  try {
    const { status, raw } = await client.withDeadline(Date.now() + CALL_MS, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    return status.name === 'RUNNING' && (raw.workflowExecutionInfo?.firstRunId ?? runId) === runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
