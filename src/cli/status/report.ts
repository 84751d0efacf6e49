import Table from 'cli-table3';
import { describeBreaker, type OpenBreaker } from '../../domain/index.js';
import { laneOf } from '../../domain/index.js';
import {
  describeHealth,
  type Answer,
  type Batches,
  type Health,
  type Stored,
  type TopicBacklog,
} from '../inspect/index.js';

/** What `penstock status --json` prints. Fields are only added; null stands for what could not be asked. */
export interface StatusReport {
  /** ISO 8601. */
  checkedAt: string;
  /** Every role and server answers and is ready, no record is missing, and no circuit breaker is open by itself. */
  healthy: boolean;
  /** Events and results in Kafka that their readers have not committed. */
  backlog: TopicBacklog[] | null;
  /** Running detectBatch workflows, those that failed in the last 24 hours, and the circuit breakers that are open. */
  batches: Batches | null;
  /** Images stored in the last minute. */
  rate: { storedLastMinute: number; imagesPerSecond: number } | null;
  /** How long the images that wait in the lanes will take at that rate; null when there is none to go by. */
  expectedWaitSeconds: number | null;
  /** Of the last 24 hours, by reason code. */
  deadImages: Record<string, number> | null;
  deadLetters: Record<string, number> | null;
  /** By name; null where the environment alone points at the stack: it doesn't say where roles are. */
  roles: Record<string, Health> | null;
  /** `kafka`, `temporal`, `clickhouse`, and `gcs` where it is an emulator. */
  servers: Record<string, Health>;
}

export interface Answers {
  kafka: Answer<TopicBacklog[]>;
  temporal: Answer<Batches>;
  clickhouse: Answer<Stored>;
  gcs: Health | null;
  roles: Record<string, Health> | null;
}

export function statusReport({ kafka, temporal, clickhouse, gcs, roles }: Answers, now: Date): StatusReport {
  const backlog = kafka.answer;
  const stored = clickhouse.answer;
  const rate =
    stored === null ? null : { storedLastMinute: stored.lastMinute, imagesPerSecond: stored.lastMinute / 60 };
  const servers: Record<string, Health> = {
    kafka: kafka.health,
    temporal: temporal.health,
    clickhouse: clickhouse.health,
    ...(gcs === null ? {} : { gcs }),
  };
  const waiting = backlog?.reduce((sum, { lane, records }) => sum + (lane === null ? 0 : records), 0);
  const everything = [...Object.values(servers), ...Object.values(roles ?? {})];
  return {
    checkedAt: now.toISOString(),
    healthy:
      everything.every(({ healthy }) => healthy) &&
      (backlog ?? []).every(({ missing }) => missing === 0) &&
      (temporal.answer?.breakers ?? []).every(({ reason }) => reason === 'BY_HAND'),
    backlog,
    batches: temporal.answer,
    rate,
    expectedWaitSeconds: waiting === undefined || rate === null ? null : expectedWait(waiting, rate.imagesPerSecond),
    deadImages: stored?.deadImages ?? null,
    deadLetters: stored?.deadLetters ?? null,
    roles,
    servers,
  };
}

/** Seconds until the last of `waiting` images is done; null (unknown) when some wait and none is being stored. */
export function expectedWait(waiting: number, imagesPerSecond: number): number | null {
  if (waiting === 0) return 0;
  return imagesPerSecond > 0 ? waiting / imagesPerSecond : null;
}

/** No colours, no lines between rows. */
const STYLE = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

export function statusTable(report: StatusReport): string {
  const work = new Table(STYLE);
  const { backlog, batches, rate } = report;
  const unknown = 'unknown';
  if (backlog === null) work.push(['backlog', unknown]);
  for (const { topic, group, lane, records, missing } of backlog ?? []) {
    const lost = missing === 0 ? '' : `; ${missing} are missing`;
    const reader = laneOf(topic) === undefined ? '' : ` for ${short(group)}`;
    work.push([lane === null ? `${short(topic)}${reader}` : `lane ${lane}`, `${records} waiting${lost}`]);
  }
  work.push(
    ['open batches', batches === null ? unknown : String(batches.open)],
    ['failed batches (24 h)', batches === null ? unknown : String(batches.failedLastDay)],
    ['circuit breakers', breakers(batches?.breakers ?? null)],
    ['rate', rate === null ? unknown : `${rate.imagesPerSecond.toFixed(1)} images/s in the last minute`],
    ['expected wait', report.expectedWaitSeconds === null ? unknown : duration(report.expectedWaitSeconds)],
    ['dead images (24 h)', reasons(report.deadImages)],
    ['dead letters (24 h)', reasons(report.deadLetters)],
  );
  const health = new Table(STYLE);
  if (report.roles === null) health.push(['roles', 'unknown: the environment does not say where they are']);
  for (const [name, state] of Object.entries({ ...report.roles, ...report.servers }))
    health.push([name, state.healthy && Object.hasOwn(report.servers, name) ? 'answers' : describeHealth(state)]);
  return `${work.toString()}\n${health.toString()}`;
}

const short = (name: string): string => name.replace('penstock.', '');

function breakers(open: readonly OpenBreaker[] | null): string {
  if (open === null) return 'unknown';
  return open.length === 0 ? 'closed' : open.map(describeBreaker).join('\n');
}

function reasons(by: Record<string, number> | null): string {
  if (by === null) return 'unknown';
  const parts = Object.entries(by).map(([reason, records]) => `${reason} ${records}`);
  return parts.join(', ') || '0';
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
