import { Client, Connection, type ConnectionLike } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

export interface TemporalClient {
  client: Client;
  connection: Connection;
  namespace: string;
}

/** gRPC would wait up to two minutes between two tries: a server that is back would be away for as long again. */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 5_000 };

/**
 * Connects as Temporal's standard environment configuration says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS, API key).
 * Throws when the server can't be reached within 10 s.
 */
export async function connectTemporal(): Promise<TemporalClient> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await Connection.connect({
    ...connectionOptions,
    channelArgs: RECONNECT,
    connectTimeout: '10s',
  });
  return { client: new Client({ connection, namespace }), connection, namespace };
}

/** Rejects when the server does not answer within the time. */
export async function askTemporal(
  connection: Pick<ConnectionLike, 'withDeadline' | 'workflowService'>,
  timeoutMs: number,
): Promise<void> {
  await connection.withDeadline(Date.now() + timeoutMs, () => connection.workflowService.getSystemInfo({}));
}
