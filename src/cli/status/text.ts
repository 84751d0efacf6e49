import {
  describeBreaker,
  laneOf,
  rateText,
  type AuditOutcome,
  type CapacityState,
  type Forecast,
  type OpenBreaker,
} from '../../domain/index.js';
import { describeHealth, duration, type StatusReport } from '../../operations/index.js';
import { createTable } from '../table.js';

export function statusTable(report: StatusReport): string {
  const work = createTable();
  const { backlog, batches, rate } = report;
  const unknown = 'unknown';
  if (backlog === null) work.push(['backlog', unknown]);
  for (const { topic, group, lane, records, missing } of backlog ?? []) {
    const lost = missing === 0 ? '' : `; ${missing} are missing`;
    const reader = laneOf(topic) === undefined ? '' : ` for ${short(group)}`;
    work.push([lane === null ? `${short(topic)}${reader}` : `lane ${lane}`, `${records} waiting${lost}`]);
  }
  work.push(
    ['open batches', batches === null ? unknown : `${batches.open}, of ${batches.images} images`],
    ['failed batches (24 h)', batches === null ? unknown : String(batches.failedLastDay)],
    ['circuit breakers', breakers(batches?.breakers ?? null)],
    ['rate', rate === null ? unknown : `${rate.imagesPerSecond.toFixed(1)} images/s in the last minute`],
    ['expected wait', report.expectedWaitSeconds === null ? unknown : duration(report.expectedWaitSeconds)],
    ...capacityLines(report.capacity),
    ['forecast', forecastText(report.forecast, report.capacity)],
    ['dead images (24 h)', reasons(report.deadImages)],
    ['open dead letters (30 d)', reasons(report.deadLetters)],
    ...(report.audit === null ? [] : [['last audit', auditText(report.audit)]]),
  );
  const health = createTable();
  if (report.roles === null) health.push(['roles', 'unknown: the environment does not say where they are']);
  for (const [name, state] of Object.entries({ ...report.roles, ...report.servers }))
    health.push([name, state.healthy && Object.hasOwn(report.servers, name) ? 'answers' : describeHealth(state)]);
  return `${work.toString()}\n${health.toString()}`;
}

const short = (name: string): string => name.replace('penstock.', '');

function auditText({ missing, buckets, checkedAt }: AuditOutcome): string {
  const unlisted = buckets.filter(({ problem }) => problem !== null).length;
  const lost = unlisted === 0 ? '' : `; ${unlisted} of ${buckets.length} buckets could not be listed whole`;
  return `${missing} missing, ${checkedAt}${lost}`;
}

function breakers(open: readonly OpenBreaker[] | null): string {
  if (open === null) return 'unknown';
  return open.length === 0 ? 'closed' : open.map(describeBreaker).join('\n');
}

function reasons(by: Record<string, number> | null): string {
  if (by === null) return 'unknown';
  const parts = Object.entries(by).map(([reason, records]) => `${reason} ${records}`);
  return parts.join(', ') || '0';
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
