import type { Admin } from 'kafkajs';
import type { Logger, Metrics } from '../telemetry/index.js';
import { streamMetrics } from './metrics.js';
import { PartitionPosition, type LogRange } from './position.js';
import { committedOffsets, JUMPED, logRange, rawCommits } from './offsets.js';

const EMPTY: LogRange = { low: 0n, high: 0n };

/** An offset to commit. */
export interface PartitionOffset {
  partition: number;
  offset: bigint;
}

/** What was found of partitions whose commit is not where this process put it. */
export interface Findings {
  /** An older commit came late, of this process or another: to be committed again, from here. */
  movedBack: PartitionOffset[];
  /** The topic was made again: to be read from here. `wasStopped` for records that were missing in the old log. */
  madeAgain: (PartitionOffset & { wasStopped: boolean })[];
  /** Stopped: records are gone unread. The offset is that of the first one. */
  stopped: PartitionOffset[];
}

/**
 * Where the partitions of one generation of the group stand, held against what the broker has committed and what its
 * log holds. Stops a partition whose records are gone unread, counts them and reports them.
 */
export class Partitions {
  readonly #positions = new Map<string, PartitionPosition>();
  readonly #stopped = new Map<string, string>();
  /** Losses that are counted, by partition: a rejoin finds the same ones again. */
  readonly #counted = new Map<string, { expected: bigint; records: bigint }>();
  readonly #missing;
  readonly #lag;
  /** Partitions whose lag is told. */
  readonly #measured = new Map<string, { topic: string; partition: string }>();

  constructor(
    private readonly admin: Admin,
    private readonly groupId: string,
    private readonly log: Logger,
    metrics: Metrics,
  ) {
    const { missing, lag } = streamMetrics(metrics);
    this.#missing = missing;
    this.#lag = lag;
  }

  /** A new generation knows nothing of the last one. */
  clear(): void {
    this.#positions.clear();
    this.#stopped.clear();
    // Whoever has them now tells of them.
    for (const labels of this.#measured.values()) this.#lag.remove({ group: this.groupId, ...labels });
    this.#measured.clear();
  }

  /** Tells in metrics how many records of each admitted partition are not committed. */
  async measureLag(topic: string): Promise<void> {
    const range = await logRange(this.admin, topic);
    for (const partition of this.admitted(topic)) {
      const position = this.position(topic, partition);
      const log = range.get(partition);
      if (position === undefined || log === undefined) continue;
      const labels = { topic, partition: String(partition) };
      this.#measured.set(key(topic, partition), labels);
      this.#lag.set({ group: this.groupId, ...labels }, Math.max(0, Number(log.high - position.committed)));
    }
  }

  /** A sentence for each partition that is stopped. */
  problems(): string[] {
    return [...this.#stopped.values()];
  }

  isStopped(topic: string, partition: number): boolean {
    return this.#stopped.has(key(topic, partition));
  }

  /** Undefined before the partition was admitted. */
  position(topic: string, partition: number): PartitionPosition | undefined {
    return this.#positions.get(key(topic, partition));
  }

  /**
   * Takes down where partitions stand. `fit` may be read, once `uncommitted` is committed: from then on a commit that
   * vanishes tells that the topic was made again. The others are stopped. Does nothing for a generation that has ended.
   */
  async admit(
    topic: string,
    partitions: readonly number[],
    isCurrent: () => boolean,
  ): Promise<{ fit: number[]; uncommitted: PartitionOffset[] }> {
    const committed = await committedOffsets(this.admin, this.groupId, topic);
    const range = await logRange(this.admin, topic);
    if (!isCurrent()) return { fit: [], uncommitted: [] };
    const fit: number[] = [];
    const uncommitted: PartitionOffset[] = [];
    for (const partition of partitions) {
      const log = range.get(partition) ?? EMPTY;
      const position = PartitionPosition.of(committed.get(partition), log);
      this.#positions.set(key(topic, partition), position);
      const finding = position.judge(log.low, log);
      if (finding.kind === 'missing') this.#stop(topic, partition, position.expected, finding.records);
      else fit.push(partition);
      if (position.isNew) uncommitted.push({ partition, offset: position.expected });
    }
    return { fit, uncommitted };
  }

  /** May the records from `first` on be read? False, and stopped, when some before them are gone unread. */
  async accepts(topic: string, partition: number, position: PartitionPosition, first: bigint): Promise<boolean> {
    if (first === position.expected) return true;
    const range = (await logRange(this.admin, topic)).get(partition) ?? EMPTY;
    const finding = position.judge(first, range);
    const fields = { topic, partition, expected: position.expected.toString(), first: first.toString() };
    if (finding.kind === 'missing') {
      this.#stop(topic, partition, position.expected, finding.records);
      return false;
    }
    if (finding.kind === 'restarted') this.log.warn(fields, 'the log begins anew: topic made again or offsets reset');
    position.expected = first;
    return true;
  }

  /** The partitions of a topic that were admitted. */
  admitted(topic: string): number[] {
    return [...this.#positions.keys()]
      .filter((name) => name.startsWith(`${topic}/`))
      .map((name) => Number(name.slice(topic.length + 1)));
  }

  /**
   * Holds what the broker has committed against what this process has. The commits of a deleted topic vanish with it,
   * even when the new one has grown past the old offset; and kafkajs, out of range, moves a commit to the log's start.
   * A partition whose log begins above its position is stopped, the others were made again.
   */
  async examine(topic: string, partitions: readonly number[]): Promise<Findings> {
    const findings: Findings = { movedBack: [], madeAgain: [], stopped: [] };
    // What is committed while the broker answers must not look like a step back.
    const before = partitions.flatMap((partition) => {
      const position = this.position(topic, partition);
      return position ? [{ partition, position, committed: position.committed }] : [];
    });
    if (before.length === 0) return findings;
    const now = await rawCommits(this.admin, this.groupId, topic);
    const back = before.filter(({ partition, committed }) => (now.get(partition) ?? JUMPED) < committed);
    if (back.length === 0) return findings;
    const range = await logRange(this.admin, topic);
    for (const { partition, position } of back) {
      if (this.position(topic, partition) !== position) continue;
      const log = range.get(partition) ?? EMPTY;
      if ((now.get(partition) ?? JUMPED) !== JUMPED) {
        findings.movedBack.push({ partition, offset: position.committed });
        continue;
      }
      if (log.low > position.expected) {
        this.#stop(topic, partition, position.expected, log.low - position.expected);
        findings.stopped.push({ partition, offset: position.expected });
        continue;
      }
      const fields = { topic, partition, committed: position.committed.toString() };
      this.log.warn(fields, 'committed offset is gone: the topic was made again, reading it from its start');
      const anew = PartitionPosition.of(undefined, log);
      this.#positions.set(key(topic, partition), anew);
      const wasStopped = this.#stopped.delete(key(topic, partition));
      findings.madeAgain.push({ partition, offset: anew.expected, wasStopped });
    }
    return findings;
  }

  #stop(topic: string, partition: number, expected: bigint, records: bigint): void {
    const name = key(topic, partition);
    const sentence = `${name}: ${records} records are gone unread; the partition is stopped`;
    const counted = this.#counted.get(name);
    this.#missing.inc({ topic }, Number(records - (counted?.expected === expected ? counted.records : 0n)));
    this.#counted.set(name, { expected, records });
    this.#stopped.set(name, sentence);
    this.log.error({ topic, partition, missing: records.toString() }, sentence);
  }
}

const key = (topic: string, partition: number): string => `${topic}/${partition}`;
