import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config/index.js';
import { programVersion } from '../../service/index.js';
import type { Logger, Metrics } from '../../telemetry/index.js';
import { createWarehouse } from '../../warehouse/index.js';
import { drain } from '../drain.js';
import { createKeyCheck } from '../keys.js';
import { apiDocument } from '../openApi.js';
import { Datasets } from './datasets.js';
import { datasetsApiMetrics } from './metrics.js';
import type { DatasetRecords } from './records.js';
import { datasetRoutes } from './routes.js';
import { connectDatasetRuns, type DatasetRuns } from './temporal.js';

export interface DatasetsApiOptions {
  config: Config;
  log: Logger;
  metrics: Metrics;
  /** Not yet listening; the routes are added here. */
  http: FastifyInstance;
}

export interface DatasetsApi {
  /** Answers what it can within five seconds, then ends the rest with 503. */
  stop: () => Promise<void>;
}

/** What the API asks. */
export interface DatasetServers {
  runs: DatasetRuns;
  records: () => Promise<DatasetRecords>;
  close: () => Promise<void>;
}

/** Wires the API together on a server that does not listen yet. */
export function createDatasetsApi(
  { config, log, metrics, http }: DatasetsApiOptions,
  servers: DatasetServers = connectServers(config, log),
): DatasetsApi {
  const open = new Set<AbortController>();
  const datasets = new Datasets(servers);
  let stopping = false;
  http.register((scope, _options, done) => {
    datasetRoutes({
      ...{ log, datasets, open },
      metrics: datasetsApiMetrics(metrics),
      checkKey: createKeyCheck(config.PENSTOCK_API_KEYS, 'datasets'),
      document: apiDocument(programVersion()),
      isStopping: () => stopping,
    })(scope);
    done();
  });
  return {
    stop: async () => {
      stopping = true;
      datasets.endWaits();
      await drain(open);
      await servers.close();
    },
  };
}

function connectServers(config: Config, log: Logger): DatasetServers {
  const runs = connectDatasetRuns(log);
  const warehouse = createWarehouse(config, log);
  let records: Promise<DatasetRecords> | undefined;
  return {
    runs,
    // What stages datasets comes with it, and takes memory that an intake that nobody asks does not need.
    records: () =>
      (records ??= import('./records.js').then(({ createDatasetRecords }) => createDatasetRecords(warehouse))),
    close: async () => {
      await Promise.all([runs.close(), warehouse.close()]);
    },
  };
}
