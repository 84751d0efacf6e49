import type { Admin } from 'kafkajs';
import type { Logger, Metrics } from '../telemetry/index.js';
import { PartitionPosition, type LogRange } from './position.js';
import { committedOffsets, logRange } from './topics.js';

const EMPTY: LogRange = { low: 0n, high: 0n };

/** A partition to read from its start: its topic was made again. */
export interface MadeAgain {
  partition: number;
  /** First offset of the new log. */
  from: bigint;
  /** It was stopped for records that were missing in the old log. */
  wasStopped: boolean;
}

/**
 * Where the partitions of one generation of the group stand, held against what the broker has committed and what its
 * log holds. Stops a partition whose records are gone unread, counts them and reports them.
 */
export class Partitions {
  readonly #positions = new Map<string, PartitionPosition>();
  readonly #stopped = new Map<string, string>();
  readonly #missing;

  constructor(
    private readonly admin: Admin,
    private readonly groupId: string,
    private readonly log: Logger,
    metrics: Metrics,
  ) {
    this.#missing = missingRecordsCounter(metrics);
  }

  /** A new generation knows nothing of the last one. */
  clear(): void {
    this.#positions.clear();
    this.#stopped.clear();
  }

  /** A sentence for each partition that is stopped. */
  problems(): string[] {
    return [...this.#stopped.values()];
  }

  isStopped(topic: string, partition: number): boolean {
    return this.#stopped.has(key(topic, partition));
  }

  /** False once the position was taken down: its offsets belong to a log that is no more. */
  isCurrent(topic: string, partition: number, position: PartitionPosition): boolean {
    return this.#positions.get(key(topic, partition)) === position;
  }

  /** What the group has committed and what the log holds, of every partition of a topic. */
  async offsets(topic: string): Promise<{ committed: Map<number, bigint>; range: Map<number, LogRange> }> {
    const committed = await committedOffsets(this.admin, this.groupId, topic);
    return { committed, range: await logRange(this.admin, topic) };
  }

  /** Takes a partition's position down; false, and stopped, when records are gone that the group has not read. */
  admit(topic: string, partition: number, committed: bigint | undefined, range: LogRange = EMPTY): boolean {
    const position = PartitionPosition.of(committed, range);
    this.#positions.set(key(topic, partition), position);
    const finding = position.judge(range.low, range);
    if (finding.kind !== 'missing') return true;
    this.#stop(topic, partition, finding.records);
    return false;
  }

  /** The position of a partition in this generation: from what the group has committed and what the log holds. */
  async position(topic: string, partition: number): Promise<PartitionPosition> {
    const known = this.#positions.get(key(topic, partition));
    if (known) return known;
    const { committed, range } = await this.offsets(topic);
    const position = PartitionPosition.of(committed.get(partition), range.get(partition) ?? EMPTY);
    this.#positions.set(key(topic, partition), position);
    return position;
  }

  /** May the records from `first` on be read? False, and stopped, when some before them are gone unread. */
  async accepts(topic: string, partition: number, position: PartitionPosition, first: bigint): Promise<boolean> {
    if (first === position.expected) return true;
    const range = (await logRange(this.admin, topic)).get(partition) ?? EMPTY;
    const finding = position.judge(first, range);
    const fields = { topic, partition, expected: position.expected.toString(), first: first.toString() };
    if (finding.kind === 'missing') {
      this.#stop(topic, partition, finding.records);
      return false;
    }
    if (finding.kind === 'restarted') this.log.warn(fields, 'the log begins anew: topic made again or offsets reset');
    position.expected = first;
    return true;
  }

  /** Those of a topic that had a commit when they were last looked at. */
  committed(topic: string): number[] {
    return [...this.#positions]
      .filter(([name, { committed }]) => committed && name.startsWith(`${topic}/`))
      .map(([name]) => Number(name.slice(topic.length + 1)));
  }

  /**
   * The commits of a deleted topic vanish with it. A position that was committed and no longer is means that the topic
   * was made again, even when it has meanwhile grown past the old offset. Takes such positions down and gives them back.
   */
  async takeMadeAgain(topic: string, partitions: readonly number[]): Promise<MadeAgain[]> {
    if (partitions.length === 0) return [];
    const committed = await committedOffsets(this.admin, this.groupId, topic);
    const gone = partitions.filter(
      (partition) => !committed.has(partition) && this.#positions.get(key(topic, partition))?.committed,
    );
    if (gone.length === 0) return [];
    const range = await logRange(this.admin, topic);
    return gone.map((partition) => {
      const fields = { topic, partition };
      this.log.warn(fields, 'committed offset is gone: the topic was made again, reading it from its start');
      this.#positions.delete(key(topic, partition));
      const wasStopped = this.#stopped.delete(key(topic, partition));
      return { partition, from: range.get(partition)?.low ?? 0n, wasStopped };
    });
  }

  #stop(topic: string, partition: number, records: bigint): void {
    const sentence = `${topic}/${partition}: ${records} records are gone unread; the partition is stopped`;
    this.#missing.inc({ topic }, Number(records));
    this.#stopped.set(key(topic, partition), sentence);
    this.log.error({ topic, partition, missing: records.toString() }, sentence);
  }
}

const key = (topic: string, partition: number): string => `${topic}/${partition}`;

type MissingCounter = ReturnType<typeof newMissingCounter>;
const missingCounters = new WeakMap<Metrics, MissingCounter>();
const newMissingCounter = (metrics: Metrics) =>
  metrics.counter('penstock_stream_missing_records_total', 'Records that were deleted before they were read', [
    'topic',
  ]);

/** One counter for all consumers of a role. */
function missingRecordsCounter(metrics: Metrics): MissingCounter {
  const counter = missingCounters.get(metrics) ?? newMissingCounter(metrics);
  missingCounters.set(metrics, counter);
  return counter;
}
