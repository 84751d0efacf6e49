import { askTemporal } from '../client/index.js';
import { watchProblems, watchServer, type RoleContext } from '../service/index.js';
import { createBrokerCheck } from '../stream/index.js';

/** Asks a server; rejects when it does not answer within the time. */
type Ask = (timeoutMs: number) => Promise<unknown>;

/**
 * Watches the servers of a worker, for `/readyz` and the log: Temporal, Kafka unless it has no use for it, and `further`
 * ones by the name of their wait. Returns what ends it.
 */
export function watchServers(
  context: RoleContext,
  connection: Parameters<typeof askTemporal>[0],
  further: Readonly<Record<string, { server: string; ask: Ask }>>,
  { usesKafka = true }: { usesKafka?: boolean } = {},
): () => Promise<void> {
  const broker = usesKafka ? createBrokerCheck(context.config, context.log) : undefined;
  const all: Record<string, { server: string; ask: Ask }> = {
    temporal: { server: 'Temporal', ask: (timeoutMs) => askTemporal(connection, timeoutMs) },
    ...(broker && { kafka: { server: 'Kafka', ask: (timeoutMs) => broker.ask(timeoutMs) } }),
    ...further,
  };
  const ends = Object.entries(all).flatMap(([name, { server, ask }]) => {
    const watched = watchServer(server, ask);
    return [watchProblems(context, name, () => watched.problems()), () => watched.stop()];
  });
  return async () => {
    for (const end of ends) end();
    await broker?.close();
  };
}
