import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Endpoints } from './endpoints.js';
import { inheritedEnvironment, pointAtStack } from './environment.js';
import { StackError } from './errors.js';
import type { NamedModel } from './model.js';
import { HOST } from './ports.js';
import type { Supervised } from './supervised.js';
import { until, withinMs } from './wait.js';

const READY_TIMEOUT_MS = 120_000;

/** The environment of every role: that of this process, pointed at the servers of the stack. */
export function roleSettings(stack: {
  endpoints: Endpoints;
  /** Where `endpoints.json` will be. */
  endpointsFile: string;
  model?: NamedModel;
  /** Folder of the broker, when it runs on this machine. */
  kafkaDir?: string;
  further?: Record<string, string>;
}): NodeJS.ProcessEnv {
  const { model } = stack;
  const environment = inheritedEnvironment();
  pointAtStack(environment, stack.endpoints);
  // Roles run in the data directory; a person means the folder that they are in.
  const absolute = (name: string): Record<string, string> => {
    const file = stack.further?.[name] ?? environment[name];
    return file ? { [name]: resolve(file) } : {};
  };
  return {
    PENSTOCK_INGEST_DIR: join(dirname(stack.endpointsFile), 'ingest'),
    ...environment,
    ...(stack.kafkaDir === undefined ? {} : { PENSTOCK_KAFKA_DISK_PATH: stack.kafkaDir }),
    ...(model === undefined ? {} : { PENSTOCK_MODEL_DIR: model.dir, PENSTOCK_DEFAULT_MODEL: model.name }),
    PENSTOCK_HTTP_HOST: HOST,
    PENSTOCK_CONSOLE_ENDPOINTS_FILE: stack.endpointsFile,
    ...stack.further,
    ...absolute('PENSTOCK_ROUTING_FILE'),
    ...absolute('PENSTOCK_CAPACITY_FILE'),
    ...absolute('PENSTOCK_SECRETS_DIR'),
    ...absolute('PENSTOCK_INGEST_DIR'),
  };
}

/** Makes the topics and the tables. */
export async function prepareServers(config: Config, log: Logger): Promise<void> {
  // Loaded here, because a stack of servers only needs neither.
  const [{ migrate }, { ensureTopics }] = await Promise.all([
    import('../warehouse/index.js'),
    import('../stream/index.js'),
  ]);
  await Promise.all([
    ensureTopics(config, log),
    migrate({
      url: config.PENSTOCK_CLICKHOUSE_URL,
      username: config.PENSTOCK_CLICKHOUSE_USER,
      password: config.PENSTOCK_CLICKHOUSE_PASSWORD,
      database: config.PENSTOCK_CLICKHOUSE_DATABASE,
      log,
    }),
  ]);
}

/**
 * Starts roles side by side and waits until `/readyz` of each says so. Throws `StackError` at the first that fails or
 * dies before; the others go on, for the caller to stop.
 */
export async function startAllReady(roles: readonly Supervised[]): Promise<void> {
  await Promise.all(roles.map((role) => role.start((signal) => ready(role, signal))));
}

async function ready(role: Supervised, signal: AbortSignal): Promise<void> {
  let said = 'no answer';
  const ask = async (): Promise<boolean> => {
    const response = await fetch(`http://${HOST}:${role.port ?? 0}/readyz`, { signal: AbortSignal.timeout(2000) });
    said = await response.text();
    return response.ok;
  };
  try {
    await withinMs(READY_TIMEOUT_MS, signal, (bound) => until(ask, bound));
  } catch {
    signal.throwIfAborted();
    throw new StackError(`${role.name} was not ready within ${READY_TIMEOUT_MS / 1000} s; it says: ${said}`);
  }
}
