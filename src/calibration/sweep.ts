import type { Point } from './capacityFile.js';
import { isBetter, kneeOf } from './knee.js';

/** One setting of the engine. */
export type Setting = Pick<Point, 'children' | 'batch' | 'slots'>;

/** What is tried, each list from the smallest on. */
export interface Candidates {
  batches: readonly [number, ...number[]];
  slots: readonly [number, ...number[]];
  children: readonly [number, ...number[]];
}

/** Sizes in a row that give no more before larger ones are left out. */
export const PATIENCE = 2;

/**
 * Measures the settings that matter, one dimension after the other, from `first` on: batches, then slots at the best
 * batch, then child processes at the knee so far. Upwards it ends after two in a row that give no more images: larger
 * ones would cost latency and memory alone. Each setting is measured once.
 */
export async function sweep(
  measure: (setting: Setting) => Promise<Point>,
  candidates: Candidates,
  options: { first: Setting; latencyBoundMs: number },
): Promise<[Point, ...Point[]]> {
  const { first, latencyBoundMs } = options;
  const points: [Point, ...Point[]] = [await measure(first)];
  const [start] = points;
  const take = async (setting: Setting): Promise<Point> => {
    const known = points.find((point) => isSame(point, setting));
    if (known) return known;
    const point = await measure(setting);
    points.push(point);
    return point;
  };
  /** Climbs from the smallest value; gives nothing, `points` has all. */
  const climb = async (values: readonly number[], settingOf: (value: number) => Setting): Promise<void> => {
    let best = 0;
    let misses = 0;
    for (const value of values) {
      const { median } = (await take(settingOf(value))).imagesPerSecond;
      misses = isBetter(median, best) ? 0 : misses + 1;
      best = Math.max(best, median);
      if (misses === PATIENCE) return;
    }
  };
  await climb(candidates.batches, (batch) => ({ ...start, batch }));
  const { batch } = kneeOf(points, Infinity);
  await climb(candidates.slots, (slots) => ({ ...start, batch, slots }));
  const knee = kneeOf(points, latencyBoundMs);
  await climb(candidates.children, (children) => ({ ...knee, children }));
  return points;
}

function isSame(a: Setting, b: Setting): boolean {
  return a.children === b.children && a.batch === b.batch && a.slots === b.slots;
}
