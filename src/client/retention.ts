import { isGrpcServiceError } from '@temporalio/client';
import { ConfigError, type Config } from '../config/index.js';
import type { TemporalClient } from './connect.js';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const PERMISSION_DENIED = 7;
/** Bound on the call; milliseconds. */
const CALL_MS = 10_000;

/**
 * Throws ConfigError where Temporal forgets a failed batch before the retry horizon is over. Returns the hours that
 * closed executions are kept; undefined where these credentials may not ask.
 */
export async function checkRetention(
  { client, connection, namespace }: Pick<TemporalClient, 'client' | 'connection' | 'namespace'>,
  { PENSTOCK_RETRY_HORIZON_HOURS: horizon }: Pick<Config, 'PENSTOCK_RETRY_HORIZON_HOURS'>,
): Promise<number | undefined> {
  let seconds: number;
  try {
    const { config } = await client.withDeadline(Date.now() + CALL_MS, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    seconds = Number(config?.workflowExecutionRetentionTtl?.seconds?.toString() ?? 0);
  } catch (error) {
    if (isGrpcServiceError(error) && (error.code as number) === PERMISSION_DENIED) return undefined;
    throw error;
  }
  const hours = seconds / 3600;
  // Zero, where a server does not say.
  if (hours > 0 && hours < horizon)
    throw new ConfigError(
      `The namespace '${namespace}' of Temporal keeps closed executions for ${hours} hours, and PENSTOCK_RETRY_HORIZON_HOURS is ` +
        `${horizon}. Raise the one (temporal operator namespace update --namespace ${namespace} --retention ${horizon}h), or lower the other.`,
    );
  return hours;
}
