import { datasetStandings, type DatasetStanding } from '../datasets/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import type { Warehouse } from '../warehouse/index.js';
import { lookEvery } from './look.js';

const LOOK_EVERY_MS = 15_000;

/** Shows in metrics how datasets stand; what was last known stays while ClickHouse is away. */
export function watchDatasets(warehouse: Warehouse, metrics: Metrics, log: Logger): { stop: () => void } {
  const show = datasetMetrics(metrics);
  return lookEvery(
    LOOK_EVERY_MS,
    async () => show(await datasetStandings(warehouse)),
    (err) => log.debug({ err }, 'ClickHouse does not tell how datasets stand'),
  );
}

/** Gauges of datasets. */
export function datasetMetrics(metrics: Metrics): (standings: readonly DatasetStanding[]) => void {
  const good = metrics.gauge(
    'penstock_dataset_good_timestamp_seconds',
    'When the last run of a dataset ended that was published, or found nothing new',
    ['dataset'],
  );
  const failures = metrics.gauge('penstock_dataset_failed_runs', 'Runs of a dataset that failed since then', [
    'dataset',
  ]);
  const rows = metrics.gauge(
    'penstock_dataset_rows',
    'Rows of the last published run of a dataset: `loaded`, `quarantined` or `duplicate`',
    ['dataset', 'outcome'],
  );
  return (standings) => {
    for (const gauge of [good, failures, rows]) gauge.reset();
    for (const { dataset, goodAtMs, failures: failed, rows: last } of standings) {
      if (goodAtMs > 0) good.set({ dataset }, goodAtMs / 1_000);
      failures.set({ dataset }, failed);
      rows.set({ dataset, outcome: 'loaded' }, last.loaded);
      rows.set({ dataset, outcome: 'quarantined' }, last.quarantined);
      rows.set({ dataset, outcome: 'duplicate' }, last.duplicates);
    }
  };
}
