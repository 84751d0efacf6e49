import { localDay } from './day.js';

/** What a forecast goes by. */
export interface ForecastInput {
  nowMs: number;
  /** Images that wait for detection, in lanes and in open batches. */
  backlog: number;
  arrivingPerSecond: number;
  /** Images a second that the detectors may infer now; 0 while paused. */
  imagesPerSecond: number;
  /** Images that the ceiling leaves today, and on each later day; null: no ceiling. */
  leftToday: number | null;
  perDay: number | null;
  dayEndsAtMs: number;
  timeZone: string;
  /** Null: not known. */
  pricePerImage: number | null;
}

export interface Forecast {
  imagesPerSecond: number;
  arrivingPerSecond: number;
  backlog: number;
  /** Until nothing waits; null: never at this rate, or not within 366 days. */
  clearsInSeconds: number | null;
  /** ISO 8601. */
  clearsAt: string | null;
  /** By how many images an hour the backlog grows, where it never clears. */
  growsPerHour: number | null;
  /** Images that are detected until then, and what they cost; null where it never clears, or the price is not known. */
  images: number | null;
  cost: number | null;
  /** The first day on which the budget stops detection before that; null: it does not. */
  budgetStopsOn: string | null;
}

const MAX_DAYS = 366;
const DAY_SECONDS = 86_400;

/** When the backlog clears, if everything goes on as now: day by day, because a budget begins anew each day. */
export function forecast(input: ForecastInput): Forecast {
  const { nowMs, backlog, arrivingPerSecond: arriving, imagesPerSecond: rate, perDay, timeZone, pricePerImage } = input;
  const known = { imagesPerSecond: rate, arrivingPerSecond: arriving, backlog };
  let waiting = backlog;
  let images = 0;
  let budgetStopsOn: string | null = null;
  let fromMs = nowMs;
  let untilMs = Math.max(input.dayEndsAtMs, nowMs);
  let left = input.leftToday ?? Infinity;
  for (let day = 0; day <= MAX_DAYS; day += 1) {
    const seconds = (untilMs - fromMs) / 1000;
    const clears = waiting === 0 ? 0 : rate > arriving ? waiting / (rate - arriving) : Infinity;
    const runs = Math.min(seconds, rate > 0 ? left / rate : Infinity);
    if (clears <= runs) {
      const clearsInSeconds = (fromMs - nowMs) / 1000 + clears;
      images += rate * clears;
      return {
        ...{ ...known, clearsInSeconds, clearsAt: new Date(nowMs + clearsInSeconds * 1000).toISOString() },
        ...{ growsPerHour: null, images, cost: pricePerImage === null ? null : images * pricePerImage, budgetStopsOn },
      };
    }
    if (runs < seconds) budgetStopsOn ??= localDay(fromMs, timeZone).name;
    waiting += arriving * seconds - rate * runs;
    images += rate * runs;
    fromMs = untilMs;
    untilMs = localDay(fromMs, timeZone).endsAtMs;
    left = perDay ?? Infinity;
  }
  const sustained = Math.min(rate, perDay === null ? Infinity : perDay / DAY_SECONDS);
  const growsPerHour = Math.max(0, arriving - sustained) * 3600;
  return { ...known, clearsInSeconds: null, clearsAt: null, growsPerHour, images: null, cost: null, budgetStopsOn };
}
