import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type LogLevel,
  type WorkerOptions,
} from '@temporalio/worker';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { retryForever, type RoleContext } from '../service/index.js';
import { createBoundedLog } from '../telemetry/index.js';
import { openCoreMetrics } from './coreMetrics.js';

/** A Temporal worker that runs until `stop`. */
export interface RunningWorker {
  /** Stops polling, lets running work end within the grace time, then resolves. */
  stop(): Promise<void>;
}

/** Running activities get so long to end before they are told to hand back. */
const GRACE_TIME = '5s';

/** Sends what the SDK and the core log into the role's log, and tells their metrics with the role's. Once in a process. */
export async function installRuntime({ log, metrics }: RoleContext): Promise<void> {
  const levels: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
    TRACE: 'trace',
    DEBUG: 'debug',
    INFO: 'debug',
    WARN: 'warn',
    ERROR: 'error',
  };
  // While Temporal is away every poller warns at every try.
  const warn = createBoundedLog(log, 1);
  const core = await openCoreMetrics();
  metrics.include(core.read);
  Runtime.install({
    telemetryOptions: { metrics: core.exporter },
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const { workflowId, error } = (meta ?? {}) as { workflowId?: unknown; error?: unknown };
      const fields = { batchId: workflowId, err: error, component: 'temporal' };
      if (levels[level] === 'warn') warn(fields, message);
      else log[levels[level]](fields, message);
    }),
    shutdownSignals: [],
  });
}

/** Connects to Temporal, waiting for it as long as it takes; `/readyz` says so meanwhile. */
export async function connectWorker(
  context: RoleContext,
): Promise<{ connection: NativeConnection; namespace: string }> {
  const { log, stopping, waits } = context;
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const { address, tls, apiKey, metadata } = connectionOptions;
  waits.set('temporal', `connecting to ${address ?? 'Temporal'}`);
  const connection = await retryForever(
    () =>
      NativeConnection.connect({
        ...(address === undefined ? {} : { address }),
        ...(tls === undefined || tls === null ? {} : { tls }),
        ...(typeof apiKey === 'string' ? { apiKey } : {}),
        ...(metadata === undefined ? {} : { metadata }),
      }),
    {
      backoff: { firstMs: 250, maxMs: 5_000 },
      signal: stopping,
      onError: (error, tries, waitMs) => {
        waits.set('temporal', 'Temporal is away');
        log.warn({ err: error, tries, waitMs }, 'Temporal is away');
      },
    },
  );
  waits.delete('temporal');
  return { connection, namespace };
}

/** One way to make every worker: grace at shutdown, heartbeats every 2 s. */
export async function runWorker(
  context: RoleContext,
  options: Pick<WorkerOptions, 'connection' | 'namespace' | 'taskQueue' | 'activities' | 'workflowBundle'> &
    Partial<
      Pick<
        WorkerOptions,
        | 'maxConcurrentActivityTaskExecutions'
        | 'maxConcurrentActivityTaskPolls'
        | 'maxCachedWorkflows'
        | 'workerDeploymentOptions'
      >
    >,
): Promise<RunningWorker> {
  const worker = await Worker.create({
    shutdownGraceTime: GRACE_TIME,
    shutdownForceTime: '20s',
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '2s',
    ...options,
  });
  const running = worker.run();
  running.catch((error: unknown) => context.fail(error));
  return {
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running.catch(() => undefined);
    },
  };
}
