import type { Admin } from 'kafkajs';

/** First offset and offset after the last of each partition. */
export async function logRange(admin: Admin, topic: string): Promise<Map<number, { low: bigint; high: bigint }>> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
}

/** Offset of the first record of each partition that is as young as `sinceMs` (epoch); of the end where none is. */
export async function offsetsAt(admin: Admin, topic: string, sinceMs: number): Promise<Map<number, bigint>> {
  const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs);
  return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** What kafkajs commits when an offset is out of range: from now on, the start of the log. */
export const JUMPED = -2n;

/**
 * Committed offsets of a group; a partition without a commit is left out. Where kafkajs has jumped, what the group had
 * read is not known any more: nothing counts as read.
 */
export async function committedOffsets(admin: Admin, groupId: string, topic: string): Promise<Map<number, bigint>> {
  const commits = await rawCommits(admin, groupId, topic);
  return new Map([...commits].map(([partition, offset]) => [partition, offset === JUMPED ? 0n : offset]));
}

/** Commits as they stand, `JUMPED` among them; a partition without one (-1) is left out. */
export async function rawCommits(admin: Admin, groupId: string, topic: string): Promise<Map<number, bigint>> {
  const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = new Map<number, bigint>();
  for (const { partition, offset } of answer?.partitions ?? []) {
    if (offset !== '-1') committed.set(partition, BigInt(offset));
  }
  return committed;
}
