import type { Admin } from 'kafkajs';
import type { Logger } from '../telemetry/index.js';
import { committedOffsets, logRange, offsetsAt } from './offsets.js';

/**
 * Takes records that are too old to be read as read by a group that is not there, so that it does not miss them when it
 * comes. A group that is there keeps what it has not read.
 */
export async function passOverUnread(
  admin: Admin,
  { topic, groups, keptMs, log }: { topic: string; groups: readonly string[]; keptMs: number; log: Logger },
): Promise<void> {
  const [range, young] = await Promise.all([logRange(admin, topic), offsetsAt(admin, topic, Date.now() - keptMs)]);
  for (const groupId of groups) {
    const committed = await committedOffsets(admin, groupId, topic);
    const partitions = [...range].flatMap(([partition, { low }]) => {
      const first = young.get(partition) ?? 0n;
      return first > low && first > (committed.get(partition) ?? 0n) ? [{ partition, offset: first.toString() }] : [];
    });
    if (partitions.length === 0) continue;
    await admin.setOffsets({ groupId, topic, partitions }).catch((err: unknown) => {
      log.warn({ err, topic, group: groupId }, 'records that are too old wait for a group that is at work');
    });
  }
}
