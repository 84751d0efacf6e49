import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, type Config } from '../../config/index.js';
import { pointAtStack, readEndpoints, StackError, type Endpoints } from '../../embedded/index.js';
import { createLogger } from '../../telemetry/index.js';
import { askClickHouse, askKafka, askRoles, askStorage, askTemporal } from '../inspect/index.js';
import { EXIT, UsageError } from '../verb.js';
import type { StatusFlags } from './index.js';
import { statusReport, statusTable, type StatusReport } from './report.js';

/** Bound on each question; they are asked side by side. */
const TIMEOUT_MS = 6_000;
const WATCH_EVERY_MS = 2_000;

/** Shows the state of a stack and returns the exit code. */
export async function status(flags: StatusFlags): Promise<number> {
  for (;;) {
    const report = await look(flags.dataDir);
    if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, flags.watch ? undefined : 2)}\n`);
    else process.stdout.write(`${flags.watch ? '\x1b[2J\x1b[H' : ''}${statusTable(report)}\n`);
    if (!flags.watch) return report.healthy ? EXIT.ok : EXIT.failed;
    await sleep(WATCH_EVERY_MS);
  }
}

async function look(dataDir: string | undefined): Promise<StatusReport> {
  const endpoints = dataDir === undefined ? undefined : await find(dataDir);
  const config = configOf(endpoints);
  const log = createLogger('status', 'silent');
  const [kafka, temporal, clickhouse, gcs, roles] = await Promise.all([
    askKafka(config, log, TIMEOUT_MS),
    askTemporal(TIMEOUT_MS),
    askClickHouse(config, log, TIMEOUT_MS),
    askStorage(config, TIMEOUT_MS),
    endpoints ? askRoles(endpoints, TIMEOUT_MS) : null,
  ]);
  return statusReport({ kafka, temporal, clickhouse, gcs, roles }, new Date());
}

async function find(dataDir: string): Promise<Endpoints> {
  try {
    return await readEndpoints(dataDir);
  } catch (error) {
    if (error instanceof StackError) throw new UsageError(error.message);
    throw error;
  }
}

/** Points this process at the stack, Temporal's standard configuration included: it reads the environment itself. */
function configOf(endpoints: Endpoints | undefined): Config {
  if (endpoints) pointAtStack(process.env, endpoints);
  return loadConfig(process.env);
}
