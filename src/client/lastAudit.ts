import type { Client } from '@temporalio/client';
import type { AuditOutcome } from '../domain/index.js';

const COMPLETED = `WorkflowType = 'audit' AND ExecutionStatus = 'Completed'`;

/** What the last audit by schedule found that ended; undefined when Temporal keeps none. */
export async function lastAudit(client: Client): Promise<AuditOutcome | undefined> {
  // Visibility gives the latest first.
  for await (const { workflowId, runId } of client.workflow.list({ query: COMPLETED, pageSize: 1 }))
    return client.workflow.getHandle<() => Promise<AuditOutcome>>(workflowId, runId).result();
  return undefined;
}
