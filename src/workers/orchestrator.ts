import { createOrchestrationActivities } from '../activities/index.js';
import {
  checkRetention,
  configureBreaker,
  configureCapacity,
  connectTemporal,
  ensureBreaker,
  ensureCapacity,
  ensureSchedules,
  isExecutionOpen,
  openBatchRanges,
  readBreakers,
  takeOverUnlessTaken,
  type TemporalClient,
} from '../client/index.js';
import { ConfigError, type Config } from '../config/index.js';
import { ORCHESTRATION_QUEUE } from '../domain/index.js';
import { openRouting } from '../routing/index.js';
import { retryForever, serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createObjectLister } from '../storage/index.js';
import { createProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import { awaitSchema, createWarehouse } from '../warehouse/index.js';
import { watchAudit } from './auditMetrics.js';
import { watchCapacity } from './capacityMetrics.js';
import { watchDatasets } from './datasetMetrics.js';
import { watchServers } from './watchServers.js';
import { watchWarehouse } from './warehouseMetrics.js';
import { workflowBuild } from './build.js';
import { closeConnection, connectWorker, installRuntime, runWorker } from './factory.js';

/** Without a breaker images that fail for the system's fault die after half a minute; without capacity leases run out. */
const ENSURE_EVERY_MS = 20_000;
/** Well below the lease of a detector. */
const CLICKHOUSE_AWAY_MS = 3_000;

/** Role `orchestrator`: runs the workflows, rollups and housekeeping, and keeps their schedules. */
export function serve(): Promise<void> {
  return serveRole('orchestrator', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, metrics, listen, stopping } = context;
  const routing = await openRouting(config, log, { metrics });
  await listen();
  await installRuntime(context);
  const build = await workflowBuild(config);
  const warehouse = createWarehouse(config, log);
  // Leases are renewed also while ClickHouse is away: what needs it is tried again by itself.
  await awaitSchema(warehouse, context, { awayMs: CLICKHOUSE_AWAY_MS });
  const { connection, namespace } = await connectWorker(context);
  const producer = await createProducer({ config, log, metrics });
  const unwatch = watchServers(context, connection, {
    clickhouse: { server: 'ClickHouse', ask: (timeoutMs) => warehouse.ping(timeoutMs) },
  });
  const lister = createObjectLister({
    endpoint: config.PENSTOCK_GCS_ENDPOINT,
    projectId: config.PENSTOCK_GCS_PROJECT,
  });
  const temporal = await retryForever(connectTemporal, {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  await checkHorizon(context, temporal);
  const worker = await runWorker(context, {
    connection,
    namespace,
    taskQueue: ORCHESTRATION_QUEUE,
    ...build.options,
    activities: createOrchestrationActivities({
      ...{ config, log, warehouse, producer, lister, route: routing.route },
      pins: () => routing.pins(),
      breakers: () => readBreakers(temporal.client),
      openBatches: (most) => openBatchRanges(temporal.client, most),
      isExecutionOpen: (execution) => isExecutionOpen(temporal.client, execution),
    }),
    // More than `penstock retry` lets run at once by default: what asks ClickHouse must not keep the others waiting.
    maxConcurrentActivityTaskExecutions: 40,
    maxCachedWorkflows: 200,
  });
  const { buildId } = build;
  if (buildId !== undefined)
    await retryForever(() => takeOverUnlessTaken(temporal, buildId), {
      backoff: { firstMs: 250, maxMs: 5_000 },
      signal: stopping,
      onError: (err, tries, waitMs) => log.warn({ err, buildId, tries, waitMs }, 'the build is not registered yet'),
    });
  await ensureSchedules(temporal.client, config);
  sayAudit(config, log);
  await configureBreaker(temporal.client, config);
  // An orchestrator that was killed keeps the workflow's next task for 10 s.
  await retryForever(() => configureCapacity(temporal.client, config), {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'capacity can not be reached'),
  });
  // Somebody may terminate it.
  const watch = setInterval(() => {
    ensureBreaker(temporal.client, config).catch((err: unknown) => log.warn({ err }, 'the breaker can not be reached'));
    ensureCapacity(temporal.client, config).catch((err: unknown) => log.warn({ err }, 'capacity can not be reached'));
  }, ENSURE_EVERY_MS);
  const capacity = watchCapacity(temporal.client, metrics, log);
  const standing = watchWarehouse(warehouse, metrics, log);
  const datasets = watchDatasets(warehouse, metrics, log);
  const { PENSTOCK_AUDIT_BUCKETS: audited, PENSTOCK_AUDIT_INTERVAL_MS: everyMs } = config;
  const schedule = { everyMs, sinceMs: Date.now() };
  const audits = audited.length === 0 ? undefined : watchAudit(temporal.client, metrics, log, schedule);
  return {
    stop: async () => {
      clearInterval(watch);
      await unwatch();
      capacity.stop();
      standing.stop();
      datasets.stop();
      audits?.stop();
      await worker.stop();
      routing.close();
      await producer.close();
      await temporal.connection.close();
      await closeConnection(context, connection);
      await warehouse.close();
    },
  };
}

function sayAudit({ PENSTOCK_AUDIT_BUCKETS: buckets, PENSTOCK_AUDIT_INTERVAL_MS: everyMs }: Config, log: Logger): void {
  if (buckets.length === 0) log.warn('no bucket is audited by schedule: PENSTOCK_AUDIT_BUCKETS names none');
  else log.info({ buckets, everyMs }, 'audited by schedule');
}

/** Before anything runs: what fails today is forgotten before it can be tried again. */
async function checkHorizon({ config, log, stopping }: RoleContext, temporal: TemporalClient): Promise<void> {
  const check = (): Promise<number | undefined | ConfigError> =>
    checkRetention(temporal, config).catch((error: unknown) => {
      if (error instanceof ConfigError) return error;
      throw error;
    });
  const hours = await retryForever(check, {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  if (hours instanceof ConfigError) throw hours;
  if (hours === undefined) log.warn('how long Temporal keeps closed executions may not be asked');
}
