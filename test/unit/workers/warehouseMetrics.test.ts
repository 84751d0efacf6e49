import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/telemetry/index.js';
import { warehouseMetrics } from '../../../src/workers/warehouseMetrics.js';

describe('metrics of ClickHouse', () => {
  it('show parts, disks and how far rollups have come, and nothing while it does not answer', async () => {
    const metrics = createMetrics('test');
    const show = warehouseMetrics(metrics);
    expect(await metrics.text()).not.toMatch(/^penstock_rollup_watermark/m);
    show({
      parts: { image_results: 12 },
      disks: { default: { freeBytes: 400, totalBytes: 1000 } },
      rolledUpMs: 1_700_000_000_000,
    });
    const text = await metrics.text();
    expect(text).toContain('penstock_clickhouse_parts{table="image_results",role="test"} 12');
    expect(text).toContain('penstock_clickhouse_disk_free_bytes{disk="default",role="test"} 400');
    expect(text).toContain('penstock_clickhouse_disk_size_bytes{disk="default",role="test"} 1000');
    expect(text).toContain('penstock_rollup_watermark_timestamp_seconds{role="test"} 1700000000');
    show(undefined);
    expect(await metrics.text()).not.toMatch(/^penstock_(clickhouse|rollup)_[a-z_]+\{/m);
  });
});
