import type { Progress, Slice, StreamRecord } from '../stream/index.js';
import { readEvent } from './formBatch.js';

/** Since when the oldest image of a lane waits to be started; of the partitions that this dispatcher has. */
export class QueueAge {
  /** Since when the oldest waiting image of a partition waits; milliseconds since the epoch. */
  readonly #oldest = new Map<number, number>();

  /** A slice was looked at, and so much of it taken. */
  note(slice: Pick<Slice, 'partition' | 'records' | 'highWatermark'>, { consumed }: Pick<Progress, 'consumed'>): void {
    const { partition, records, highWatermark } = slice;
    const last = records.at(-1);
    // Where all that was read is started, what is next is about as old as the last of it.
    const next = records[consumed] ?? (last && highWatermark - last.offset > 1n ? last : undefined);
    if (next === undefined) this.#oldest.delete(partition);
    else this.#oldest.set(partition, waitsSince(next));
  }

  /** Other partitions are assigned. */
  clear(): void {
    this.#oldest.clear();
  }

  /** Seconds; 0 when none waits. */
  seconds(nowMs: number): number {
    return Math.max(0, nowMs - Math.min(nowMs, ...this.#oldest.values())) / 1000;
  }
}

/**
 * From its upload, or from when its event was received: what a backfill sends was uploaded long ago. A record that is no
 * event waits from when it was written.
 */
function waitsSince(record: StreamRecord): number {
  const event = readEvent(record);
  return typeof event === 'string' ? record.timestampMs : Math.max(event.uploadedAtMs, event.receivedAtMs);
}
