import type { AuditOutcome, CapacityState, Forecast } from '../domain/index.js';
import { expectedWait, forecastOf } from './forecast.js';
import type { Health } from './health.js';
import type { Answer, Batches, Stored, TopicBacklog } from './questions.js';

/** What `penstock status --json` prints. Fields are only added; null stands for what could not be asked. */
export interface StatusReport {
  /** ISO 8601. */
  checkedAt: string;
  /** Every role and server answers and is ready, no record is missing, and no circuit breaker is open by itself. */
  healthy: boolean;
  /** Events and results in Kafka that their readers have not committed. */
  backlog: TopicBacklog[] | null;
  /** Running detectBatch workflows, those that failed in the last 24 hours, and the circuit breakers that are open. */
  batches: Omit<Batches, 'capacity' | 'audit'> | null;
  /** Cap, leases, window and budget; null where no orchestrator answers for them. */
  capacity: CapacityState | null;
  /** What the last audit by schedule found; null where there was none lately. */
  audit: AuditOutcome | null;
  /** When the backlog clears; null where what it is made from is not known. */
  forecast: Forecast | null;
  /** Images stored in the last minute. */
  rate: { storedLastMinute: number; imagesPerSecond: number } | null;
  /**
   * How long the images that wait in the lanes will take, at the rate that detectors have leased, else that of the last
   * minute; null when there is none to go by.
   */
  expectedWaitSeconds: number | null;
  /** Of the last 24 hours, by reason code. */
  deadImages: Record<string, number> | null;
  /** Of the last 30 days, by reason code; only those that nobody has replayed or discarded. */
  deadLetters: Record<string, number> | null;
  /** By name; null where the environment alone points at the stack: it doesn't say where roles are. */
  roles: Record<string, Health> | null;
  /** `kafka`, `temporal`, `clickhouse`, and `gcs` where it is an emulator. */
  servers: Record<string, Health>;
}

export interface Answers {
  kafka: Answer<TopicBacklog[]>;
  /** Images a second that come into the lanes; null where Kafka did not say. */
  arrivals: number | null;
  temporal: Answer<Batches>;
  clickhouse: Answer<Stored>;
  gcs: Health | null;
  roles: Record<string, Health> | null;
}

export function statusReport({ kafka, arrivals, temporal, clickhouse, gcs, roles }: Answers, now: Date): StatusReport {
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
  const { capacity, audit, ...batches } = temporal.answer ?? { capacity: null, audit: null };
  const ahead = forecastOf({ waiting, inBatches: temporal.answer?.images, arrivals, capacity, rate }, now.getTime());
  const perSecond = ahead?.imagesPerSecond ?? rate?.imagesPerSecond;
  const everything = [...Object.values(servers), ...Object.values(roles ?? {})];
  return {
    checkedAt: now.toISOString(),
    healthy:
      everything.every(({ healthy }) => healthy) &&
      (backlog ?? []).every(({ missing }) => missing === 0) &&
      (temporal.answer?.breakers ?? []).every(({ reason }) => reason === 'BY_HAND'),
    backlog,
    batches: 'open' in batches ? batches : null,
    capacity,
    audit,
    forecast: ahead,
    rate,
    expectedWaitSeconds: waiting === undefined || perSecond === undefined ? null : expectedWait(waiting, perSecond),
    deadImages: stored?.deadImages ?? null,
    deadLetters: stored?.deadLetters ?? null,
    roles,
    servers,
  };
}
