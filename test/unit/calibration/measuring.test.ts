import { describe, expect, it } from 'vitest';
import type { Ceiling } from '../../../src/calibration/capacityFile.js';
import { isBetter, kneeOf } from '../../../src/calibration/knee.js';
import { LoadWindows } from '../../../src/calibration/loadWindows.js';
import { bottleneckOf, coresPerDevice, sharedCeiling } from '../../../src/calibration/parts.js';
import { sweep, type Setting } from '../../../src/calibration/sweep.js';
import { isStable, latencyOf, rateOf } from '../../../src/calibration/windows.js';
import { point } from './rig.js';

describe('a rate is stable', () => {
  it('once two windows together are within 5 % of the two before', () => {
    expect(isStable([100, 100, 100])).toBe(false);
    expect(isStable([100, 100, 105, 105])).toBe(true);
    expect(isStable([100, 100, 95, 95])).toBe(true);
    expect(isStable([100, 100, 106, 106])).toBe(false);
    expect(isStable([100, 100, 94, 94])).toBe(false);
    expect(isStable([0, 0, 0, 0])).toBe(false);
  });

  it('although neighbours differ by turns, and whatever came before', () => {
    expect(isStable([90, 110, 90, 110])).toBe(true);
    expect(isStable([10, 50, 200, 100, 100, 100, 100])).toBe(true);
  });

  it('and told with its spread', () => {
    expect(rateOf([5, 1, 2, 4, 3, 6, 7, 8, 9, 10])).toEqual({ median: 5, p10: 1, p90: 9 });
    expect(rateOf([])).toEqual({ median: 0, p10: 0, p90: 0 });
    expect(latencyOf(Array.from({ length: 100 }, (_, index) => index + 1))).toEqual({ p50: 50, p95: 95 });
  });
});

describe('the windows of an engine', () => {
  /** Images at these times, milliseconds; a window that is full ends at once. */
  function windowsOf(hold: { windowMs: number; warmUp: number; most: number; least: number }, times: number[]) {
    const windows = new LoadWindows(hold);
    for (const ms of times) if (windows.state === 'moving' && windows.image(ms / 10, ms)) windows.close(ms);
    return windows;
  }
  const every = (stepMs: number, count: number, fromMs = 0): number[] =>
    Array.from({ length: count }, (_, index) => fromMs + index * stepMs);

  it('leave out those that warm up, with their latencies', () => {
    const slowThenFast = [...every(50, 3), ...every(10, 60, 110)];
    const windows = windowsOf({ windowMs: 100, warmUp: 1, most: 10, least: 1 }, slowThenFast);
    expect(windows.state).toBe('stable');
    const { imagesPerSecond, imageLatencyMs, requestLatencyMs, isStable: stable } = windows.measured();
    expect([imagesPerSecond.median, stable]).toEqual([100, true]);
    expect(imageLatencyMs.p50).toBeGreaterThan(11);
    expect(requestLatencyMs).toBeNull();
  });

  it('wait for enough images, but not for ever', () => {
    const full = (least: number, times: number[]): number | undefined => {
      const windows = new LoadWindows({ windowMs: 100, warmUp: 0, most: 1, least });
      return times.find((ms) => windows.image(1, ms));
    };
    expect(full(1, every(50, 100))).toBe(100);
    expect(full(5, every(50, 100))).toBe(200);
    expect(full(1000, every(50, 100))).toBe(400);
  });

  it('are over after the most that are taken, also where they still move', () => {
    const slower = Array.from({ length: 100 }, (_, index) => index * index * 10);
    const windows = windowsOf({ windowMs: 100, warmUp: 0, most: 5, least: 1 }, slower);
    expect([windows.state, windows.measured().isStable]).toEqual(['over', false]);
  });
});

describe('the knee', () => {
  it('is the smallest point within 5 % of the best under the bound', () => {
    const points = [
      point({ slots: 1, rate: 80, p95: 100 }),
      point({ slots: 2, rate: 96, p95: 200 }),
      point({ slots: 4, rate: 100, p95: 400 }),
      point({ slots: 8, rate: 200, p95: 1001 }),
    ] as const;
    expect(kneeOf(points, 1000)).toEqual({ ...points[1], isWithinBound: true });
    expect(kneeOf(points, 1001)).toMatchObject({ slots: 8, isWithinBound: true });
    expect(kneeOf(points, 150)).toMatchObject({ slots: 1, isWithinBound: true });
  });

  it('has the fewest slots, then the smallest batch, then the fewest child processes', () => {
    const same = { rate: 100 };
    const points = [
      point({ slots: 2, batch: 1, children: 1, ...same }),
      point({ slots: 1, batch: 4, children: 1, ...same }),
      point({ slots: 1, batch: 2, children: 2, ...same }),
      point({ slots: 1, batch: 2, children: 1, ...same }),
    ] as const;
    expect(kneeOf(points, 1000)).toMatchObject({ slots: 1, batch: 2, children: 1 });
  });

  it('is the nearest where no point keeps the bound, and says so', () => {
    const points = [point({ slots: 4, rate: 100, p95: 400 }), point({ slots: 1, rate: 50, p95: 200 })] as const;
    expect(kneeOf(points, 100)).toMatchObject({ slots: 1, isWithinBound: false });
  });

  it('is worth a larger setting from 5 % more images on', () => {
    expect([isBetter(105, 100), isBetter(106, 100)]).toEqual([false, true]);
  });
});

describe('the parts', () => {
  const ceiling = (median: number, cpuMsPerImage: number): Ceiling => ({
    imagesPerSecond: { median, p10: median, p90: median },
    cpuMsPerImage,
    isStable: true,
  });

  it.each([
    ['download', 100, 200, 300],
    ['decode', 200, 100, 300],
    ['model', 300, 200, 100],
  ])('have their bottleneck where the ceiling is lowest: %s', (part, download, decode, model) => {
    const ceilings = { download: ceiling(download, 1), decode: ceiling(decode, 1), model: ceiling(model, 1) };
    expect(bottleneckOf(ceilings)).toBe(part);
  });

  it('say how many cores keep a device busy, by the time that an image takes of one', () => {
    // 500 images a second, 5 ms of a core each: the download waits for the network for most of its time.
    const ceilings = { download: ceiling(50, 1), decode: ceiling(800, 4), model: ceiling(500, 0.1) };
    expect(coresPerDevice(ceilings)).toBeCloseTo(2.5);
  });

  it('share the cores where the model runs on them too', () => {
    const ceilings = { download: ceiling(2000, 1), decode: ceiling(500, 4), model: ceiling(400, 5) };
    expect(sharedCeiling(ceilings, 2)).toBeCloseTo(200);
  });
});

describe('the sweep', () => {
  /** Runs it on an engine whose rate and latency are known, and lists what was measured. */
  async function measured(of: (setting: Setting) => { rate: number; p95?: number }, latencyBoundMs = 1000) {
    const settings: string[] = [];
    const points = await sweep(
      (setting) => {
        settings.push(`${setting.children}×${setting.batch}×${setting.slots}`);
        return Promise.resolve(point({ ...setting, ...of(setting) }));
      },
      { batches: [1, 2, 4, 8, 16], slots: [1, 2, 4, 8], children: [1, 2, 3, 4] },
      { first: { children: 2, batch: 1, slots: 4 }, latencyBoundMs },
    );
    return { settings, knee: kneeOf(points, latencyBoundMs) };
  }

  it('climbs batches, slots and child processes, and ends each after two that give no more', async () => {
    const { settings, knee } = await measured(({ children, batch, slots }) => ({
      rate: 10 * Math.min(batch, 2) * Math.min(slots, 2) * Math.min(children, 2),
    }));
    expect(settings).toEqual([
      ...['2×1×4', '2×2×4', '2×4×4', '2×8×4'],
      ...['2×2×1', '2×2×2', '2×2×8'],
      ...['1×2×2', '3×2×2', '4×2×2'],
    ]);
    expect(knee).toMatchObject({ children: 2, batch: 2, slots: 2 });
  });

  it('measures nothing twice', async () => {
    const { settings } = await measured(() => ({ rate: 100 }));
    expect(settings).toEqual([...new Set(settings)]);
    expect(settings).toEqual(['2×1×4', '2×2×4', '2×4×4', '2×1×1', '2×1×2', '1×1×1', '3×1×1']);
  });

  it('tries child processes at the knee under the bound', async () => {
    const { settings } = await measured(({ slots }) => ({ rate: 100 * slots, p95: 100 * slots }), 250);
    expect(settings.slice(-3)).toEqual(['2×1×8', '1×1×2', '3×1×2']);
  });
});
