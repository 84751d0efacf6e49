import type { Slice } from '../stream/index.js';

/** Lets a batch that is not full wait once, from when its first record was first seen: by this clock, not the record's. */
export class Linger {
  readonly #firstSeen = new Map<string, { offset: bigint; at: number }>();

  constructor(private readonly lingerMs: number) {}

  /** True the first time that a slice of its partition begins at this record. */
  isNew(slice: Slice): boolean {
    const partition = `${slice.topic}/${slice.partition}`;
    const offset = slice.records[0]?.offset ?? 0n;
    if (this.#firstSeen.get(partition)?.offset === offset) return false;
    this.#firstSeen.set(partition, { offset, at: performance.now() });
    return true;
  }

  waitMs(slice: Slice, hasRoom: boolean): number {
    const partition = `${slice.topic}/${slice.partition}`;
    const offset = slice.records[0]?.offset ?? 0n;
    const seen = this.#firstSeen.get(partition);
    if (!hasRoom) return 0;
    if (seen?.offset === offset) return Math.max(0, seen.at + this.lingerMs - performance.now());
    this.#firstSeen.set(partition, { offset, at: performance.now() });
    return this.lingerMs;
  }
}
