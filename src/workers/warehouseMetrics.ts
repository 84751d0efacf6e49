import type { Logger, Metrics } from '../telemetry/index.js';
import { readHealth, WarehouseError, type Warehouse, type WarehouseHealth } from '../warehouse/index.js';
import { lookEvery } from './look.js';

const LOOK_EVERY_MS = 15_000;

/** Shows in metrics how ClickHouse stands; what it does not tell, or may not be asked, has no value. */
export function watchWarehouse(warehouse: Warehouse, metrics: Metrics, log: Logger): { stop: () => void } {
  const show = warehouseMetrics(metrics);
  const tell = tellUntold(log);
  return lookEvery(
    LOOK_EVERY_MS,
    async () => {
      const health = await readHealth(warehouse);
      show(health);
      tell(health.untold);
    },
    (err) => {
      show(undefined);
      log.debug({ err }, 'ClickHouse does not tell how it stands');
    },
  );
}

/** A right that is missing is told once, until it is there; that ClickHouse is away others tell. */
export function tellUntold(log: Logger): (untold: WarehouseHealth['untold']) => void {
  let refused = new Set<string>();
  return (untold) => {
    const before = refused;
    refused = new Set();
    for (const { table, error: err } of untold) {
      const isRefused = err instanceof WarehouseError && err.kind === 'refused';
      if (isRefused || before.has(table)) refused.add(table);
      if (isRefused && !before.has(table)) log.warn({ err, table }, 'ClickHouse does not tell how it stands');
      else log.debug({ err, table }, 'ClickHouse does not tell how it stands');
    }
  };
}

/** Gauges of ClickHouse. */
export function warehouseMetrics(metrics: Metrics): (health: WarehouseHealth | undefined) => void {
  const parts = metrics.gauge(
    'penstock_clickhouse_parts',
    'Most active parts of one partition of a table; inserts are slowed down at 1,000 and refused at 3,000',
    ['table'],
  );
  const free = metrics.gauge('penstock_clickhouse_disk_free_bytes', 'Free space of a disk of ClickHouse', ['disk']);
  const total = metrics.gauge('penstock_clickhouse_disk_size_bytes', 'Size of a disk of ClickHouse', ['disk']);
  const rolledUp = metrics.gauge(
    'penstock_rollup_watermark_timestamp_seconds',
    'Results stored before this are rolled up; it may stand for five minutes while none come',
  );
  rolledUp.remove();
  return (health) => {
    for (const gauge of [parts, free, total]) gauge.reset();
    rolledUp.remove();
    if (health === undefined) return;
    for (const [table, count] of Object.entries(health.parts)) parts.set({ table }, count);
    for (const [disk, { freeBytes, totalBytes }] of Object.entries(health.disks)) {
      free.set({ disk }, freeBytes);
      total.set({ disk }, totalBytes);
    }
    if (health.rolledUpMs > 0) rolledUp.set(health.rolledUpMs / 1000);
  };
}
