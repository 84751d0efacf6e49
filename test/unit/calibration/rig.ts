import type { Capacity, Point } from '../../../src/calibration/capacityFile.js';

/** A point that is stable, with the figures that matter. */
export function point(setting: {
  children?: number;
  batch?: number;
  slots?: number;
  rate: number;
  p95?: number;
}): Point {
  const { children = 2, batch = 1, slots = 1, rate, p95 = 100 } = setting;
  return {
    children,
    batch,
    slots,
    imagesPerSecond: { median: rate, p10: rate - 1, p90: rate + 1 },
    imageLatencyMs: { p50: p95 / 2, p95 },
    requestLatencyMs: { p50: p95, p95: p95 * 2 },
    isStable: true,
  };
}

/** A capacity file's content for the model shapes on CPUs. */
export function capacity(more: Partial<Capacity> = {}): Capacity {
  const ceiling = (median: number) => ({
    imagesPerSecond: { median, p10: median - 1, p90: median + 1 },
    cpuMsPerImage: 2000 / median,
    isStable: true,
  });
  const knee = point({ children: 3, batch: 2, slots: 5, rate: 200 });
  return {
    v: 1,
    measuredAt: '2026-11-24T15:30:00.000Z',
    model: 'shapes@0123456789ab',
    provider: 'cpu',
    device: { id: 0, name: 'Some CPU, 2 cores' },
    cores: 2,
    pictures: { source: 'generated scenes', count: 64, meanBytes: 40_000, overNetwork: false },
    ceilings: { download: ceiling(1000), decode: ceiling(400), model: { ...ceiling(500), batch: 2 } },
    bottleneck: 'decode',
    coresPerDevice: 3.5,
    requestImages: 64,
    latencyBoundMs: 1000,
    points: [knee, point({ children: 3, batch: 2, slots: 1, rate: 150 })],
    knee: { ...knee, isWithinBound: true },
    ...more,
  };
}
