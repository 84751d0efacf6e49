/** Into the Temporal UI at this address, where it is known. */
export function runLink(
  ui: string | undefined,
  namespace: string,
): (workflowId: string, runId: string) => string | null {
  return (workflowId, runId) =>
    ui === undefined
      ? null
      : `${ui}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
