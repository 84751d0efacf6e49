import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
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
  /**
   * Stops polling, lets running work end within the grace time, then resolves. What has ended is told to Temporal, and
   * waits for it: for as long as it is away, but no longer than 20 s once the role stops.
   */
  stop(): Promise<void>;
}

/** Running activities get so long to end before they are told to hand back. */
const GRACE_TIME = '5s';
/** A role that stops waits for a Temporal that is away no longer than this; milliseconds. */
const LAST_WORD_MS = 20_000;

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
    // Without a force time: the SDK's ends the process of a worker that was only to pause while Temporal is away.
    shutdownGraceTime: GRACE_TIME,
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '2s',
    ...options,
  });
  const running = worker.run();
  running.catch((error: unknown) => context.fail(error));
  return {
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      const ended = new AbortController();
      const late = longAfter(context.stopping, ended.signal).catch(() => undefined);
      await Promise.race([running.catch(() => undefined), late]);
      ended.abort();
    },
  };
}

/** Resolves when `stopping` was aborted so long ago that nobody waits any more. */
async function longAfter(stopping: AbortSignal, signal: AbortSignal): Promise<void> {
  if (!stopping.aborted) await once(stopping, 'abort', { signal });
  await sleep(LAST_WORD_MS, undefined, { signal });
}

/** Closes a connection; one that a worker still holds, because Temporal is away, ends with the process. */
export async function closeConnection({ log }: RoleContext, connection: NativeConnection): Promise<void> {
  await connection
    .close()
    .catch((err: unknown) => log.warn({ err }, 'a worker still holds its connection to Temporal'));
}
