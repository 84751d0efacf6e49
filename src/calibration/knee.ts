import type { Capacity, Point } from './capacityFile.js';

/** A share: as good as the best. */
const AS_GOOD_WITHIN = 0.05;

/**
 * The knee: of the points whose 95th percentile of image latency keeps the bound, the smallest whose throughput is within
 * 5 % of the best of them. Smallest: fewest slots, then smallest batch, then fewest child processes; each only costs
 * latency or memory once it gives no more images. Where no point keeps the bound, the one that comes nearest.
 */
export function kneeOf(points: readonly [Point, ...Point[]], latencyBoundMs: number): Capacity['knee'] {
  const within = points.filter(({ imageLatencyMs }) => imageLatencyMs.p95 <= latencyBoundMs);
  const best = Math.max(...within.map(throughput));
  const [smallest] = within.filter((point) => throughput(point) >= best * (1 - AS_GOOD_WITHIN)).sort(bySize);
  if (smallest) return { ...smallest, isWithinBound: true };
  const nearest = points.reduce((least, point) =>
    point.imageLatencyMs.p95 < least.imageLatencyMs.p95 ? point : least,
  );
  return { ...nearest, isWithinBound: false };
}

/** True where one rate is more than 5 % above another: worth a larger setting. */
export function isBetter(rate: number, than: number): boolean {
  return rate * (1 - AS_GOOD_WITHIN) > than;
}

function throughput({ imagesPerSecond }: Point): number {
  return imagesPerSecond.median;
}

function bySize(a: Point, b: Point): number {
  return a.slots - b.slots || a.batch - b.batch || a.children - b.children;
}
