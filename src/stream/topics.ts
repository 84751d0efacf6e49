import type { Admin } from 'kafkajs';
import type { Config } from '../config/index.js';
import {
  DEAD_LETTERS_TOPIC,
  HELD_LANE,
  IMAGE_RESULTS_TOPIC,
  INGESTER_GROUP,
  OTHER_UPLOADS_TOPIC,
  SINK_GROUP,
  dispatcherGroup,
  imageEventsTopic,
} from '../domain/index.js';
import type { Logger } from '../telemetry/index.js';
import { connectKafka } from './kafka.js';
import { committedOffsets, logRange, offsetsAt } from './offsets.js';
import { keepRetention, RETENTION_ENTRIES } from './retention.js';
import { passOverUnread } from './unread.js';

/**
 * Records that go although nobody has read them, by their age; milliseconds. A stack without ingesters would keep uploads
 * for ever, and what a dataset was not told of it takes with its next run.
 */
const KEPT_UNREAD_MS: Readonly<Record<string, number>> = { [OTHER_UPLOADS_TOPIC]: 7 * 86_400_000 };

/** Every topic with the consumer groups that must have read a record before it may be deleted. */
export function topicReaders(config: Config): Map<string, string[]> {
  const readers = new Map<string, string[]>();
  for (const lane of [...config.PENSTOCK_LANES, HELD_LANE])
    readers.set(imageEventsTopic(lane), [dispatcherGroup(lane), SINK_GROUP]);
  readers.set(IMAGE_RESULTS_TOPIC, [SINK_GROUP]);
  readers.set(DEAD_LETTERS_TOPIC, [SINK_GROUP]);
  readers.set(OTHER_UPLOADS_TOPIC, [INGESTER_GROUP]);
  for (const pair of config.PENSTOCK_HOUSEKEEP_GROUPS) {
    const [topic = '', group = ''] = pair.split('=');
    readers.set(topic, [...(readers.get(topic) ?? []), group]);
  }
  return readers;
}

/** Runs `work` with an admin connection and closes it. */
export async function withAdmin<T>(config: Config, log: Logger, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = connectKafka(config, log).admin({ retry: { retries: 3 } });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Creates the topics that are missing. `retention.ms=-1`: Kafka never deletes what nobody has read; `housekeep` deletes
 * what everybody has; a topic that says otherwise is put back. Throws when the broker can't be reached.
 */
export async function ensureTopics(config: Config, log: Logger): Promise<void> {
  await withAdmin(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const own = [...topicReaders(config).keys()].filter((topic) => topic.startsWith('penstock.'));
    const missing = own.filter((topic) => !existing.has(topic));
    const there = own.filter((topic) => existing.has(topic));
    await keepRetention(admin, there, log).catch((err: unknown) => {
      log.warn({ err, topics: there }, 'the broker does not tell how long it keeps records');
    });
    if (missing.length === 0) return;
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: config.PENSTOCK_KAFKA_PARTITIONS,
        replicationFactor: config.PENSTOCK_KAFKA_REPLICATION,
        configEntries: [...RETENTION_ENTRIES, { name: 'compression.type', value: 'producer' }],
      })),
    });
    log.info({ topics: missing }, 'topics created');
  });
}

/** What waits in a topic for one consumer group. */
export interface Backlog {
  topic: string;
  group: string;
  /** Records that the group has not committed. */
  records: bigint;
  /** Partitions whose committed offset lies below the start of the log: records are missing. */
  missing: bigint;
}

/** Backlog of every topic for each of its groups. Topics that do not exist are left out. */
export async function readBacklog(config: Config, log: Logger): Promise<Backlog[]> {
  return withAdmin(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const backlogs: Backlog[] = [];
    for (const [topic, groups] of topicReaders(config)) {
      if (!existing.has(topic)) continue;
      const range = await logRange(admin, topic);
      for (const group of groups) backlogs.push(await backlogOf(admin, topic, group, range));
    }
    return backlogs;
  });
}

/** Events of a lane whose batches are not started yet. Throws when the broker can't be reached or has no such lane. */
export async function readLaneBacklog(config: Config, log: Logger, lane: string): Promise<number> {
  const topic = imageEventsTopic(lane);
  const { records } = await withAdmin(config, log, async (admin) =>
    backlogOf(admin, topic, dispatcherGroup(lane), await logRange(admin, topic)),
  );
  return Number(records);
}

async function backlogOf(
  admin: Admin,
  topic: string,
  group: string,
  range: Awaited<ReturnType<typeof logRange>>,
): Promise<Backlog> {
  const committed = await committedOffsets(admin, group, topic);
  let records = 0n;
  let missing = 0n;
  for (const [partition, { low, high }] of range) {
    const offset = committed.get(partition) ?? 0n;
    const from = offset > high ? low : offset;
    if (committed.has(partition) && from < low) missing += low - from;
    records += high - (from < low ? low : from);
  }
  return { topic, group, records, missing };
}

/**
 * Retention by consumption: deletes the records that every named group has committed. A group without a commit counts
 * as 0, so nothing is deleted before everybody has begun; groups that the configuration does not name do not count.
 * Uploads that nobody reads go after a week. Those of the last minutes stay (PENSTOCK_HOUSEKEEP_KEEP_MS), for who counts arrivals. Returns how many records were
 * deleted by topic.
 */
export async function deleteConsumedRecords(config: Config, log: Logger): Promise<Record<string, number>> {
  return withAdmin(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const deleted: Record<string, number> = {};
    for (const [topic, groups] of topicReaders(config)) {
      if (!existing.has(topic)) continue;
      const keptMs = KEPT_UNREAD_MS[topic];
      if (keptMs !== undefined) await passOverUnread(admin, { topic, groups, keptMs, log });
      const committed = await Promise.all(groups.map((group) => committedOffsets(admin, group, topic)));
      const young = await offsetsAt(admin, topic, Date.now() - config.PENSTOCK_HOUSEKEEP_KEEP_MS);
      const targets: { partition: number; offset: string }[] = [];
      let records = 0n;
      for (const [partition, { low, high }] of await logRange(admin, topic)) {
        const old = smaller(high, young.get(partition) ?? 0n);
        const end = committed.reduce((least, of) => smaller(least, of.get(partition) ?? 0n), old);
        if (end <= low) continue;
        targets.push({ partition, offset: end.toString() });
        records += end - low;
      }
      if (targets.length > 0) await admin.deleteTopicRecords({ topic, partitions: targets });
      deleted[topic] = Number(records);
    }
    return deleted;
  });
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
