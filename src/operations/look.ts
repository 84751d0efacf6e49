import type { Config } from '../config/index.js';
import type { Endpoints } from '../embedded/index.js';
import type { Logger } from '../telemetry/index.js';
import { askRoles } from './health.js';
import { askArrivals, askClickHouse, askKafka, askStorage, askTemporal, type TemporalLook } from './questions.js';
import { statusReport, type StatusReport } from './statusReport.js';

/** Bound on each question; they are asked side by side. */
const TIMEOUT_MS = 6_000;

/** Asks every server and role how it is. Without `temporal`, Temporal is that of the environment. */
export async function lookAtStack({
  config,
  endpoints,
  log,
  ...ofTemporal
}: {
  config: Config;
  /** Where the roles are; without it they are not asked. */
  endpoints: Pick<Endpoints, 'metrics'> | undefined;
  log: Logger;
} & TemporalLook): Promise<StatusReport> {
  const [kafka, arrivals, temporal, clickhouse, gcs, roles] = await Promise.all([
    askKafka(config, log, TIMEOUT_MS),
    askArrivals(config, log, TIMEOUT_MS),
    askTemporal(TIMEOUT_MS, ofTemporal),
    askClickHouse(config, log, TIMEOUT_MS),
    askStorage(config, TIMEOUT_MS),
    endpoints ? askRoles(endpoints, TIMEOUT_MS) : null,
  ]);
  return statusReport({ kafka, arrivals: arrivals.answer, temporal, clickhouse, gcs, roles }, new Date());
}
