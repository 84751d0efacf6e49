import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

export interface TemporalClient {
  client: Client;
  connection: Connection;
  namespace: string;
}

/**
 * Connects as Temporal's standard environment configuration says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS, API key).
 * Throws when the server can't be reached within 10 s.
 */
export async function connectTemporal(): Promise<TemporalClient> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
  return { client: new Client({ connection, namespace }), connection, namespace };
}
