import { forecast, rateText, type BudgetState, type CapacityState, type Forecast } from '../../domain/index.js';

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

/** Rows of the table of `penstock status`. */
export function capacityLines(capacity: CapacityState | null): [string, string][] {
  if (capacity === null) return [['capacity', 'unknown']];
  const { models, paused, budget } = capacity;
  const lines = models.map(({ model, cap, leased, holders }): [string, string] => [
    `cap of ${model}`,
    `${rateText(cap)}; ${leased === null ? 'no limit' : rateText(leased)} leased to ${holders.filter(({ standby }) => !standby).length} detectors`,
  ]);
  if (paused !== null) lines.push(['paused', `by ${paused.who}: ${paused.why}`]);
  if (budget.left !== null || budget.exhausted)
    lines.push([
      'budget of the day',
      `${budget.used} images used, ${budget.left ?? 0} left${budget.exhausted ? ': used up' : ''}`,
    ]);
  return lines;
}

/** One sentence for a person. */
export function forecastText(ahead: Forecast | null, capacity: CapacityState | null): string {
  if (ahead === null) return 'unknown';
  const { backlog, clearsInSeconds, clearsAt, growsPerHour, cost, budgetStopsOn } = ahead;
  const [rate, arriving] = [ahead.imagesPerSecond, ahead.arrivingPerSecond].map((value) =>
    String(Number(value.toFixed(1))),
  );
  const at = `at ${rate} images/s against ${arriving} arriving`;
  const stop = budgetStopsOn === null ? '' : `; the budget of ${budgetStopsOn} stops it`;
  if (backlog === 0 && clearsInSeconds === 0) return 'nothing waits';
  if (clearsInSeconds === null || clearsAt === null) {
    const grows = growsPerHour
      ? `never clears: grows by ${Math.round(growsPerHour)} images an hour`
      : 'does not clear within a year';
    return `${grows} ${at}${stop}`;
  }
  const money = cost === null ? '' : `; costs ${cost.toFixed(2)} ${capacity?.budget.currency ?? ''}`;
  return `clears at ${clock(clearsAt, clearsInSeconds)} (in ${duration(clearsInSeconds)}) ${at}${money}${stop}`;
}

/** Local time; with its date where that is not within a day. */
function clock(iso: string, inSeconds: number): string {
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return inSeconds < 86_400 ? time : `${time} on ${at.toLocaleDateString('en-CA')}`;
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
