import { createOrchestrationActivities } from '../activities/index.js';
import { connectTemporal, ensureSchedules } from '../client/index.js';
import { ORCHESTRATION_QUEUE } from '../domain/index.js';
import { retryForever, serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createWarehouse } from '../warehouse/index.js';
import { connectWorker, installRuntime, runWorker, workflowBundle } from './factory.js';

/** Role `orchestrator`: runs the workflows, rollups and housekeeping, and keeps their schedules. */
export function serve(): Promise<void> {
  return serveRole('orchestrator', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, listen, stopping } = context;
  await listen();
  installRuntime(context);
  const { connection, namespace } = await connectWorker(context);
  const warehouse = createWarehouse(config, log);
  const worker = await runWorker(context, {
    connection,
    namespace,
    taskQueue: ORCHESTRATION_QUEUE,
    workflowBundle: workflowBundle(),
    activities: createOrchestrationActivities({ config, log, warehouse }),
    maxConcurrentActivityTaskExecutions: 10,
    maxCachedWorkflows: 200,
  });
  const temporal = await retryForever(connectTemporal, {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  await ensureSchedules(temporal.client, config);
  return {
    stop: async () => {
      await worker.stop();
      await temporal.connection.close();
      await connection.close();
      await warehouse.close();
    },
  };
}
