import { resolve } from 'node:path';
import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import { roleEnvironment, type Endpoints } from './endpoints.js';
import { StackError } from './errors.js';
import { modelName } from './model.js';
import { HOST } from './ports.js';
import type { Supervised } from './supervised.js';
import { until } from './wait.js';

const READY_TIMEOUT_MS = 120_000;

/** The environment of every role: that of this process, pointed at the servers of the stack. */
export async function roleSettings(stack: {
  endpoints: Endpoints;
  modelDir?: string;
  /** Folder of the broker, when it runs on this machine. */
  kafkaDir?: string;
  further?: Record<string, string>;
}): Promise<NodeJS.ProcessEnv> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PENSTOCK_STACK_'));
  const model = stack.modelDir === undefined ? undefined : resolve(stack.modelDir);
  return {
    ...Object.fromEntries(inherited),
    ...roleEnvironment(stack.endpoints),
    ...(stack.kafkaDir === undefined ? {} : { PENSTOCK_KAFKA_DISK_PATH: stack.kafkaDir }),
    ...(model === undefined ? {} : { PENSTOCK_MODEL_DIR: model, PENSTOCK_DEFAULT_MODEL: await modelName(model) }),
    PENSTOCK_HTTP_HOST: HOST,
    ...stack.further,
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

/** Starts roles side by side and waits until `/readyz` of each says so; the first that fails ends the wait for all. */
export async function startAllReady(roles: readonly Supervised[]): Promise<void> {
  const failed = new AbortController();
  const starting = roles.map(async (role) => {
    try {
      await role.start();
      await ready(role, failed.signal);
    } catch (error) {
      failed.abort(error);
    }
  });
  await Promise.all(starting);
  failed.signal.throwIfAborted();
}

async function ready(role: Supervised, giveUp: AbortSignal): Promise<void> {
  let said = 'no answer';
  const ask = async (): Promise<boolean> => {
    const response = await fetch(`http://${HOST}:${role.port ?? 0}/readyz`, { signal: AbortSignal.timeout(2000) });
    said = await response.text();
    return response.ok;
  };
  try {
    await until(ask, AbortSignal.any([AbortSignal.timeout(READY_TIMEOUT_MS), giveUp]));
  } catch {
    giveUp.throwIfAborted();
    throw new StackError(`${role.name} was not ready within ${READY_TIMEOUT_MS / 1000} s; it says: ${said}`);
  }
}
