import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { askArrivals, askClickHouse, askKafka, askRoles, askStorage, askTemporal } from '../inspect/index.js';
import { EXIT } from '../verb.js';
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
  const { config, endpoints } = await findStack(dataDir);
  const log = createLogger('status', 'silent');
  const [kafka, arrivals, temporal, clickhouse, gcs, roles] = await Promise.all([
    askKafka(config, log, TIMEOUT_MS),
    askArrivals(config, log, TIMEOUT_MS),
    askTemporal(TIMEOUT_MS),
    askClickHouse(config, log, TIMEOUT_MS),
    askStorage(config, TIMEOUT_MS),
    endpoints ? askRoles(endpoints, TIMEOUT_MS) : null,
  ]);
  return statusReport({ kafka, arrivals: arrivals.answer, temporal, clickhouse, gcs, roles }, new Date());
}
