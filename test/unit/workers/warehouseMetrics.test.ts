import { describe, expect, it, vi } from 'vitest';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';
import { readHealth, WarehouseError, type Warehouse } from '../../../src/warehouse/index.js';
import { tellUntold, warehouseMetrics } from '../../../src/workers/warehouseMetrics.js';

describe('metrics of ClickHouse', () => {
  it('show parts, disks and how far rollups have come, and nothing while it does not answer', async () => {
    const metrics = createMetrics('test');
    const show = warehouseMetrics(metrics);
    expect(await metrics.text()).not.toMatch(/^penstock_rollup_watermark/m);
    show({
      parts: { image_results: 12 },
      disks: { default: { freeBytes: 400, totalBytes: 1000 } },
      rolledUpMs: 1_700_000_000_000,
      untold: [],
    });
    const text = await metrics.text();
    expect(text).toContain('penstock_clickhouse_parts{table="image_results",role="test"} 12');
    expect(text).toContain('penstock_clickhouse_disk_free_bytes{disk="default",role="test"} 400');
    expect(text).toContain('penstock_clickhouse_disk_size_bytes{disk="default",role="test"} 1000');
    expect(text).toContain('penstock_rollup_watermark_timestamp_seconds{role="test"} 1700000000');
    show(undefined);
    expect(await metrics.text()).not.toMatch(/^penstock_(clickhouse|rollup)_[a-z_]+\{/m);
  });

  it('show the rest where one table may not be read, which is warned of once', async () => {
    const error = new WarehouseError('refused', 497, 'Code: 497. Not enough privileges');
    const query = (sql: string): Promise<unknown[]> => {
      if (sql.includes('system.disks')) return Promise.reject(error);
      return Promise.resolve(sql.includes('system.parts') ? [{ table: 'uploads', parts: '3' }] : [{ ms: '5000' }]);
    };
    const health = await readHealth({ query } as unknown as Warehouse);
    expect(health).toEqual({
      ...{ parts: { uploads: 3 }, disks: {}, rolledUpMs: 5000 },
      untold: [{ table: 'system.disks', error }],
    });
    const log = createLogger('test', 'silent');
    const warn = vi.spyOn(log, 'warn');
    const tell = tellUntold(log);
    const away = { table: 'system.parts', error: new WarehouseError('unavailable', undefined, 'no answer') };
    for (const untold of [health.untold, [away], [...health.untold, away], health.untold]) tell(untold);
    expect(warn).toHaveBeenCalledTimes(2);
  });
});
