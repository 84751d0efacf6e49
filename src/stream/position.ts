/** What a jump of the offset means. */
export type Finding = { kind: 'gap' } | { kind: 'restarted' } | { kind: 'missing'; records: bigint };

/** What the log of a partition holds. */
export interface LogRange {
  /** First offset that the log holds. */
  low: bigint;
  /** Offset after its last. */
  high: bigint;
}

/** Where a partition is to go on, and what it means when the log does not. */
export class PartitionPosition {
  /** Offset of the next record. */
  expected: bigint;
  /** Has the broker a commit of this group for it? */
  committed: boolean;

  private constructor(expected: bigint, committed: boolean) {
    this.expected = expected;
    this.committed = committed;
  }

  /**
   * Without a commit a group begins at the start of the log. A commit above the log's end belongs to a topic that no
   * longer exists: the one of that name now is read from its start.
   */
  static of(committed: bigint | undefined, { low, high }: LogRange): PartitionPosition {
    if (committed === undefined || committed > high) return new PartitionPosition(low, false);
    return new PartitionPosition(committed, true);
  }

  /** Judges a first offset that is not the expected one. */
  judge(first: bigint, { low }: LogRange): Finding {
    if (first < this.expected) return { kind: 'restarted' };
    if (low > this.expected) return { kind: 'missing', records: low - this.expected };
    return { kind: 'gap' };
  }
}
