import {
  connectTemporal,
  lastAudit,
  openImages,
  readBreakers,
  readCapacity,
  type TemporalClient,
} from '../client/index.js';
import type { Config } from '../config/index.js';
import {
  dispatcherGroup,
  imageEventsTopic,
  type AuditOutcome,
  type CapacityState,
  type OpenBreaker,
} from '../domain/index.js';
import { readArrivals, readBacklog } from '../stream/index.js';
import { reasonOf, type Logger } from '../telemetry/index.js';
import { createWarehouse, LETTER_IS_OPEN, storedWithin } from '../warehouse/index.js';
import { HEALTHY, unhealthy, type Health } from './health.js';

/** An answer of a server with its health; null when it gave none. */
export interface Answer<T> {
  health: Health;
  answer: T | null;
}

/** What waits in a topic for a consumer group. */
export interface TopicBacklog {
  topic: string;
  group: string;
  /** Lane of the images that wait there for a dispatcher; null for what other groups read, and for other topics. */
  lane: string | null;
  records: number;
  /** Records that were deleted before the group read them: data is lost. */
  missing: number;
}

export function askKafka(config: Config, log: Logger, timeoutMs: number): Promise<Answer<TopicBacklog[]>> {
  return bounded(timeoutMs, async () => {
    const backlogs = await readBacklog(config, log);
    return backlogs.map(({ topic, group, records, missing }) => ({
      topic,
      group,
      lane: waitingLane(topic, group, config.PENSTOCK_LANES),
      records: Number(records),
      missing: Number(missing),
    }));
  });
}

/** The sink reads the lanes too: what it has not told ClickHouse yet does not wait for detection a second time. */
export function waitingLane(topic: string, group: string, lanes: readonly string[]): string | null {
  return lanes.find((lane) => topic === imageEventsTopic(lane) && group === dispatcherGroup(lane)) ?? null;
}

/** Images a second that come into the lanes. */
export function askArrivals(config: Config, log: Logger, timeoutMs: number): Promise<Answer<number>> {
  return bounded(timeoutMs, () => readArrivals(config, log));
}

export interface Batches {
  open: number;
  /** Images of the open batches: at most so many are not detected yet. */
  images: number;
  /** Closed as failed or timed out in the last day. */
  failedLastDay: number;
  /** Circuit breakers that are open; null where no orchestrator answers for them. */
  breakers: OpenBreaker[] | null;
  /** Cap, leases and budget; null where no orchestrator answers for them. */
  capacity: CapacityState | null;
  /** What the last audit by schedule found; null where there was none lately. */
  audit: AuditOutcome | null;
}

const BATCHES_LOOKED_AT = 200;

export interface TemporalLook {
  /** Open batches that are asked what they have done; further ones count as many as these on average. Default 200. */
  batchesLookedAt?: number;
  /** A connection that stays open. Without it one is made as Temporal's standard environment configuration says. */
  temporal?: () => Promise<TemporalClient>;
}

const DAY_MS = 86_400_000;
const OPEN = `WorkflowType = 'detectBatch' AND ExecutionStatus = 'Running'`;

export function askTemporal(
  timeoutMs: number,
  { batchesLookedAt = BATCHES_LOOKED_AT, temporal }: TemporalLook = {},
): Promise<Answer<Batches>> {
  return bounded(timeoutMs, async () => {
    const { client, connection } = await (temporal ?? connectTemporal)();
    try {
      // What nobody waits for any more ends too: on a connection that stays it would pile up.
      return await client.withDeadline(Date.now() + timeoutMs, () => batchesOf(client, timeoutMs, batchesLookedAt));
    } finally {
      if (temporal === undefined) await connection.close();
    }
  });
}

async function batchesOf(
  client: TemporalClient['client'],
  timeoutMs: number,
  batchesLookedAt: number,
): Promise<Batches> {
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const [open, images, failed, breakers, capacity, audit] = await Promise.all([
    client.workflow.count(OPEN),
    openImages(client, batchesLookedAt),
    client.workflow.count(
      `WorkflowType = 'detectBatch' AND ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime > '${since}'`,
    ),
    // An orchestrator answers, not Temporal: its silence is no fault of Temporal's.
    readBreakers(client, timeoutMs / 2).then(
      (state) => state.open,
      () => null,
    ),
    readCapacity(client, timeoutMs / 2).catch(() => null),
    lastAudit(client).catch(() => null),
  ]);
  return { open: open.count, images, failedLastDay: failed.count, breakers, capacity, audit: audit ?? null };
}

export interface Stored {
  /** Images whose row was stored in the last 60 s. */
  lastMinute: number;
  /** Of the last day, by reason code. */
  deadImages: Record<string, number>;
  /** Of the last 30 days, by reason code; only those that nobody has replayed or discarded. */
  deadLetters: Record<string, number>;
}

export function askClickHouse(config: Config, log: Logger, timeoutMs: number): Promise<Answer<Stored>> {
  return bounded(timeoutMs, async () => {
    const warehouse = createWarehouse(config, log);
    try {
      const byReason = async (sql: string): Promise<Record<string, number>> => {
        const rows = await warehouse.query<{ reason: string; records: string }>(sql);
        return Object.fromEntries(rows.map(({ reason, records }) => [reason, Number(records)]));
      };
      const [[row], deadImages, deadLetters] = await Promise.all([
        warehouse.query<{ images: string }>(
          `SELECT count() AS images FROM images WHERE ${storedWithin('INTERVAL 1 MINUTE')}`,
        ),
        byReason(
          `SELECT reason, count() AS records FROM images
           WHERE status = 'dead' AND ${storedWithin('INTERVAL 1 DAY')} GROUP BY reason ORDER BY records DESC`,
        ),
        byReason(
          `SELECT reason, count() AS records FROM dead_letters
           WHERE received_at > now64(3) - INTERVAL 30 DAY AND ${LETTER_IS_OPEN} GROUP BY reason ORDER BY records DESC`,
        ),
      ]);
      return { lastMinute: Number(row?.images ?? 0), deadImages, deadLetters };
    } finally {
      await warehouse.close();
    }
  });
}

/** The storage emulator; with Google's own there is nothing to ask, it is null. */
export async function askStorage(config: Config, timeoutMs: number): Promise<Health | null> {
  const endpoint = config.PENSTOCK_GCS_ENDPOINT;
  if (endpoint === undefined) return null;
  const project = encodeURIComponent(config.PENSTOCK_GCS_PROJECT ?? '');
  const { health } = await bounded(timeoutMs, async () => {
    const response = await fetch(`${endpoint}/storage/v1/b?project=${project}`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return true;
  });
  return health;
}

/** A server that is away shows as such, and the rest is still shown. */
export async function bounded<T>(timeoutMs: number, ask: () => Promise<T>): Promise<Answer<T>> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return { health: HEALTHY, answer: await Promise.race([ask(), limit]) };
  } catch (error) {
    return { health: unhealthy(reasonOf(error)), answer: null };
  } finally {
    clearTimeout(timer);
  }
}
