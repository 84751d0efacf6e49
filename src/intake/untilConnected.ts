import { connectTemporal, type TemporalClient } from '../client/index.js';
import { retryForever } from '../service/index.js';
import type { Logger } from '../telemetry/index.js';

const BACKOFF = { firstMs: 250, maxMs: 5_000 };

/**
 * A connection to Temporal, however long it takes: intake needs none for events. Throws the reason of `signal` when it
 * aborts, and has no connection left open then.
 */
export async function untilConnected(
  log: Logger,
  { signal, whileAway }: { signal: AbortSignal; whileAway: string },
): Promise<TemporalClient> {
  const temporal = await retryForever(connectTemporal, {
    backoff: BACKOFF,
    signal,
    onError: (err, tries, waitMs) => log.warn({ err, tries, waitMs }, whileAway),
  });
  if (!signal.aborted) return temporal;
  await temporal.connection.close();
  throw signal.reason;
}
