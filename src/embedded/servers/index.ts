import { join } from 'node:path';
import { dropTemporalSettings } from '../environment.js';
import { StackError } from '../errors.js';
import type { ProcessSpec, Supervised } from '../supervised.js';
import { resolveClickHouse, type ClickHouseAddresses } from './clickhouse.js';
import { resolveGcs, type GcsAddresses } from './gcs.js';
import { resolveKafka, type KafkaAddresses } from './kafka.js';
import type { ResolvedServer, ServerContext } from './server.js';
import { resolveTemporal, type TemporalAddresses } from './temporal.js';

export type ServerAddresses = KafkaAddresses & TemporalAddresses & GcsAddresses & ClickHouseAddresses;

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;
/** Starts again on other ports when another program took one in the moment between. */
const PORT_TRIES = 3;

/** Finds every server, downloads what is missing, starts them side by side and waits until all serve. */
export async function startServers(
  context: ServerContext,
  supervise: (spec: ProcessSpec) => Supervised,
): Promise<ServerAddresses> {
  // First, because it is known at once: where there is no engine the others need not be downloaded.
  const clickhouse = await resolveClickHouse(context);
  const finding = [resolveKafka(context), resolveTemporal(context), resolveGcs(context)] as const;
  // All are waited for even when one fails: nothing goes on starting behind a failure.
  const missing = (await Promise.allSettled(finding)).flatMap((outcome): unknown[] =>
    outcome.status === 'rejected' && outcome.reason instanceof StackError ? [outcome.reason.message] : [],
  );
  if (missing.length > 1) throw new StackError([...new Set(missing)].join('\n'));
  const [kafka, temporal, gcs] = await Promise.all(finding);
  const starting = [
    startServer('kafka', kafka, context, supervise),
    startServer('temporal', temporal, context, supervise),
    startServer('gcs', gcs, context, supervise),
    startServer('clickhouse', clickhouse, context, supervise),
  ] as const;
  await Promise.allSettled(starting);
  const [atKafka, atTemporal, atGcs, atClickHouse] = await Promise.all(starting);
  return { ...atKafka, ...atTemporal, ...atGcs, ...atClickHouse };
}

async function startServer<A>(
  name: string,
  server: ResolvedServer<A>,
  context: ServerContext,
  supervise: (spec: ProcessSpec) => Supervised,
): Promise<A> {
  if (server.kind === 'elsewhere') return server.addresses;
  const { dataDir, log, ports } = context;
  const inherited = { ...context.environment };
  // They are for another Temporal, and the dev server ends over some (TEMPORAL_ENV).
  dropTemporalSettings(inherited);
  for (let tries = 1; ; tries += 1) {
    const plan = await server.plan();
    const startedAt = performance.now();
    try {
      await supervise({
        name,
        command: plan.command,
        args: plan.args,
        environment: { ...inherited, ...plan.environment },
        cwd: dataDir,
        logPath: join(dataDir, 'logs', `${name}.log`),
        ready: plan.ready,
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopTimeoutMs: STOP_TIMEOUT_MS,
      }).start();
      log.info({ name, from: server.from, startMs: Math.round(performance.now() - startedAt) }, 'server is ready');
      return plan.addresses;
    } catch (error) {
      const elsewhere = error instanceof StackError && tries < PORT_TRIES && (await ports.lost(plan.listeners));
      if (!elsewhere) throw error;
    }
  }
}
