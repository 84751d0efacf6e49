import { type Client, WithStartWorkflowOperation, WorkflowIdConflictPolicy } from '@temporalio/client';
import { HOST_PACE, hostPaceId, ORCHESTRATION_QUEUE, type PaceReply, type PaceRequest } from '../domain/index.js';

const CALL_MS = 10_000;

/** Asks for places of requests to a host, of all ingesters together. Throws when the server does not answer. */
export function reservePlaces(client: Client, host: string, request: PaceRequest): Promise<PaceReply> {
  return client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.executeUpdateWithStart<() => Promise<void>, PaceReply, [PaceRequest]>(HOST_PACE.reserve, {
      args: [request],
      startWorkflowOperation: new WithStartWorkflowOperation(HOST_PACE.workflow, {
        workflowId: hostPaceId(host),
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        taskQueue: ORCHESTRATION_QUEUE,
        args: [],
        staticSummary: `requests to ${host}`.slice(0, 200),
      }),
    }),
  );
}
