import { forecast, type BudgetState, type CapacityState, type Forecast } from '../domain/index.js';

export interface Known {
  /** Images that wait in the lanes; undefined where Kafka did not say. */
  waiting: number | undefined;
  /** Images of open batches, at most. */
  inBatches: number | undefined;
  /** Images a second that come. */
  arrivals: number | null;
  capacity: CapacityState | null;
  /** What was stored in the last minute. */
  rate: { imagesPerSecond: number } | null;
}

/** Null where backlog, arrivals, capacity or rate are not known. */
export function forecastOf({ waiting, inBatches, arrivals, capacity, rate }: Known, nowMs: number): Forecast | null {
  if (waiting === undefined || inBatches === undefined || arrivals === null || capacity === null) return null;
  const leased = leasedPerSecond(capacity) ?? rate?.imagesPerSecond;
  if (leased === undefined) return null;
  const { budget } = capacity;
  return forecast({
    ...{ nowMs, backlog: waiting + inBatches, arrivingPerSecond: arrivals },
    imagesPerSecond: capacity.paused === null ? leased : 0,
    ...{ leftToday: budget.left, perDay: imagesPerDay(budget), dayEndsAtMs: budget.dayEndsAtMs },
    ...{ timeZone: budget.timeZone, pricePerImage: budget.pricePerImage },
  });
}

/** What all detectors have leased; undefined where one has no limit, or none has a lease. */
function leasedPerSecond({ models }: CapacityState): number | undefined {
  const held = models.filter(({ holders }) => holders.length > 0);
  if (held.length === 0 || held.some(({ leased }) => leased === null)) return undefined;
  return held.reduce((sum, { leased }) => sum + (leased ?? 0), 0);
}

function imagesPerDay({ imagesPerDay: images, moneyPerDay: money, pricePerImage: price }: BudgetState): number | null {
  const byMoney = money === null || price === null || price === 0 ? Infinity : money / price;
  const most = Math.min(images ?? Infinity, byMoney);
  return most === Infinity ? null : most;
}

/** Seconds until the last of `waiting` images is done; null (unknown) when some wait and none is being stored. */
export function expectedWait(waiting: number, imagesPerSecond: number): number | null {
  if (waiting === 0) return 0;
  return imagesPerSecond > 0 ? waiting / imagesPerSecond : null;
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
