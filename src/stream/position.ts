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
  private constructor(
    /** Offset of the next record. */
    public expected: bigint,
    /** What the group has committed, as far as this process knows. */
    public committed: bigint,
    /** The broker has no such commit yet: it is to be made before a record is read. */
    readonly isNew: boolean,
  ) {}

  /**
   * Without a commit a group begins at the start of the log. A commit above the log's end belongs to a topic that no
   * longer exists: the one of that name now is read from its start.
   */
  static of(committed: bigint | undefined, { low, high }: LogRange): PartitionPosition {
    if (committed === undefined || committed > high) return new PartitionPosition(low, low, true);
    return new PartitionPosition(committed, committed, false);
  }

  /** Judges a first offset that is not the expected one. */
  judge(first: bigint, { low }: LogRange): Finding {
    if (first < this.expected) return { kind: 'restarted' };
    if (low > this.expected) return { kind: 'missing', records: low - this.expected };
    return { kind: 'gap' };
  }
}
