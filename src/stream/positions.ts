import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import { committedOffsets, logRange } from './offsets.js';
import { withAdmin } from './topics.js';

/** A partition for one consumer group. */
export interface PartitionPosition {
  /** First offset in the log, and the one after the last. */
  low: bigint;
  high: bigint;
  /** First offset that the group has not committed; 0 before its first commit. */
  committed: bigint;
}

/** A topic for one consumer group. */
export interface GroupPosition {
  topic: string;
  group: string;
  /** Members of the group now. 0: nobody reads the topic. */
  members: number;
  partitions: Map<number, PartitionPosition>;
}

/** What one group has left of topics that exist; others are left out. Throws when the broker can't be reached. */
export function readPositions(
  config: Config,
  log: Logger,
  readers: readonly { topic: string; group: string }[],
): Promise<GroupPosition[]> {
  return withAdmin(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const known = readers.filter(({ topic }) => existing.has(topic));
    const { groups } = await admin.describeGroups([...new Set(known.map(({ group }) => group))]);
    const members = new Map(groups.map((group) => [group.groupId, group.members.length]));
    const positions: GroupPosition[] = [];
    for (const { topic, group } of known) {
      // Commits first: what is read of the log after them is never behind them, but for a topic that was made again.
      const commits = await committedOffsets(admin, group, topic);
      const range = await logRange(admin, topic);
      const partitions = new Map(
        [...range].map(([partition, { low, high }]) => {
          const offset = commits.get(partition) ?? 0n;
          return [partition, { low, high, committed: offset > high ? low : offset }];
        }),
      );
      positions.push({ topic, group, members: members.get(group) ?? 0, partitions });
    }
    return positions;
  });
}

/**
 * Where a record is for a group:
 * - `waiting`: not yet consumed;
 * - `taken`: consumed, with what follows from it;
 * - `gone`: not in the log, and never consumed: deleted unread, or of a topic that was made again.
 */
export type RecordPlace = 'waiting' | 'taken' | 'gone';

export function placeOf(offset: bigint, partition: PartitionPosition | undefined): RecordPlace {
  if (partition === undefined || offset >= partition.high) return 'gone';
  if (offset < partition.committed) return 'taken';
  return offset < partition.low ? 'gone' : 'waiting';
}

/** How many records of a topic came before a time and are not consumed yet; over all partitions. */
export async function recordsBefore(
  config: Config,
  log: Logger,
  { topic, partitions }: Pick<GroupPosition, 'topic' | 'partitions'>,
  timeMs: number,
): Promise<bigint> {
  const firsts = await withAdmin(config, log, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timeMs));
  return firsts.reduce((sum, { partition, offset }) => {
    const position = partitions.get(partition);
    if (position === undefined) return sum;
    const from = position.committed < position.low ? position.low : position.committed;
    const before = BigInt(offset) - from;
    return sum + (before > 0n ? before : 0n);
  }, 0n);
}
