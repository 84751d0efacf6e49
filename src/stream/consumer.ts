import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Config } from '../config/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { connectKafka } from './kafka.js';
import { retryForever } from '../service/index.js';
import { PartitionPosition, type LogRange } from './position.js';
import { committedOffsets, logRange } from './topics.js';
import type { Progress, Slice, SliceHandler, StreamConsumer, StreamRecord } from './types.js';

export interface ConsumerOptions {
  config: Config;
  log: Logger;
  metrics: Metrics;
  groupId: string;
  topics: readonly string[];
  handler: SliceHandler;
  /** Called when the consumer has stopped for good: the role must end. */
  onFatal: (error: unknown) => void;
  /** Longest that the broker may hold a fetch while nothing is there; milliseconds. Default 100. */
  lingerMs?: number;
  /** Most bytes of one partition in a fetch. Default 1 MiB. */
  maxBytesPerPartition?: number;
  /** How often the committed offsets are compared with the broker's, to notice a topic made again. Default 5,000 ms. */
  watchEveryMs?: number;
}

const HEARTBEAT_EVERY_MS = 1_000;
const PAUSE_AFTER_ERROR_MS = 1_000;
const ADMISSION_BACKOFF = { firstMs: 100, maxMs: 5_000 };
const EMPTY: LogRange = { low: 0n, high: 0n };

/**
 * Joins the group and hands slices to the handler, at least once, from the earliest record on. What it adds to the
 * library: heartbeats while a handler works, commits only for what the handler finished and only in the generation in
 * which it began, and sight of what the library does silently when an offset is out of range: a topic that was made
 * again is read from its start; records that are gone unread stop the partition, are counted and reported.
 */
export async function createConsumer(options: ConsumerOptions): Promise<StreamConsumer> {
  const consumer = new GroupConsumer(options);
  try {
    await consumer.start();
  } catch (error) {
    await consumer.close().catch(() => undefined);
    throw error;
  }
  return consumer;
}

class GroupConsumer implements StreamConsumer {
  readonly #options: ConsumerOptions;
  readonly #log: Logger;
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  readonly #positions = new Map<string, PartitionPosition>();
  readonly #stopped = new Map<string, string>();
  readonly #closing = new AbortController();
  readonly #missing;
  /** Raised at every join: work of an older generation commits nothing. */
  #generation = 0;
  #generationEnd = new AbortController();
  #joined = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#log = options.log.child({ group: options.groupId });
    const kafka = connectKafka(options.config, options.log);
    this.#admin = kafka.admin();
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: 15_000,
      rebalanceTimeout: 30_000,
      heartbeatInterval: 2_000,
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      minBytes: 1,
      maxWaitTimeInMs: options.lingerMs ?? 100,
      maxBytesPerPartition: options.maxBytesPerPartition ?? 1_048_576,
      retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8, restartOnFailure: () => Promise.resolve(true) },
    });
    this.#missing = missingRecordsCounter(options.metrics);
  }

  async start(): Promise<void> {
    const { GROUP_JOIN, CRASH, REBALANCING } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#newGeneration();
      this.#joined = true;
      this.#log.info({ assigned: payload.memberAssignment }, 'joined group');
      void this.#admit(payload.memberAssignment);
    });
    this.#consumer.on(REBALANCING, () => (this.#joined = false));
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#joined = false;
      this.#generationEnd.abort(new Error('consumer crashed'));
      if (!payload.restart && !this.#closing.signal.aborted) this.#options.onFatal(payload.error);
    });
    await this.#admin.connect();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 256,
      eachBatch: (payload) => this.#read(payload),
    });
    this.#watching = this.#watch();
  }

  problems(): string[] {
    const problems = [...this.#stopped.values()];
    if (!this.#joined) problems.push(`not in the group ${this.#options.groupId}`);
    return problems;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('consumer is closing'));
    this.#generationEnd.abort(new Error('consumer is closing'));
    await this.#watching;
    await this.#consumer.disconnect();
    await this.#admin.disconnect();
  }

  #newGeneration(): void {
    this.#generation += 1;
    this.#generationEnd.abort(new Error('partition was reassigned'));
    this.#generationEnd = new AbortController();
    this.#positions.clear();
    this.#stopped.clear();
  }

  /**
   * Lets the partitions of a new generation be read, once their committed offsets have been held against the log. Until
   * then they are paused: the library would meet an offset below the log's start by moving, and committing, silently.
   */
  async #admit(assignment: Record<string, number[]>): Promise<void> {
    const generation = this.#generation;
    const signal = AbortSignal.any([this.#closing.signal, this.#generationEnd.signal]);
    try {
      for (const [topic, partitions] of Object.entries(assignment)) this.#consumer.pause([{ topic, partitions }]);
      for (const [topic, partitions] of Object.entries(assignment)) {
        const { committed, range } = await retryForever(() => this.#offsets(topic), {
          backoff: ADMISSION_BACKOFF,
          signal,
          onError: (error, tries) => this.#log.warn({ err: error, topic, tries }, 'offsets can not be read'),
        });
        if (generation !== this.#generation) return;
        const fit = partitions.filter((partition) =>
          this.#isFit(topic, partition, committed.get(partition), range.get(partition) ?? EMPTY),
        );
        if (fit.length > 0) this.#consumer.resume([{ topic, partitions: fit }]);
      }
    } catch (error) {
      // Out of the group meanwhile: the next join admits again.
      if (!signal.aborted && this.#joined) this.#options.onFatal(error);
    }
  }

  /** Takes a partition's position down; false, and stopped, when records are gone that the group has not read. */
  #isFit(topic: string, partition: number, committed: bigint | undefined, range: LogRange): boolean {
    const position = PartitionPosition.of(committed, range);
    this.#positions.set(key(topic, partition), position);
    const finding = position.judge(range.low, range);
    if (finding.kind !== 'missing') return true;
    this.#stop(topic, partition, finding.records);
    return false;
  }

  async #offsets(topic: string): Promise<{ committed: Map<number, bigint>; range: Map<number, LogRange> }> {
    const committed = await committedOffsets(this.#admin, this.#options.groupId, topic);
    return { committed, range: await logRange(this.#admin, topic) };
  }

  #stop(topic: string, partition: number, records: bigint): void {
    const sentence = `${topic}/${partition}: ${records} records are gone unread; the partition is stopped`;
    this.#missing.inc({ topic }, Number(records));
    this.#stopped.set(key(topic, partition), sentence);
    this.#log.error({ topic, partition, missing: records.toString() }, sentence);
    this.#consumer.pause([{ topic, partitions: [partition] }]);
  }

  async #read(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const generation = this.#generation;
    let rest = payload.batch.messages.map(toRecord);
    const first = rest[0];
    if (first === undefined) return;
    const position = await this.#position(topic, partition);
    if (!(await this.#isContinuous(topic, partition, position, first.offset))) return;

    while (rest.length > 0) {
      if (!payload.isRunning() || payload.isStale() || generation !== this.#generation) return;
      const slice: Slice = {
        topic,
        partition,
        records: rest,
        highWatermark: BigInt(payload.batch.highWatermark),
        signal: this.#generationEnd.signal,
      };
      const { progress, interrupted } = await this.#call(slice, payload);
      const last = rest[progress.consumed - 1];
      if (last !== undefined) {
        if (!(await this.#commit(generation, position, topic, partition, last.offset + 1n))) return;
        position.expected = last.offset + 1n;
        payload.resolveOffset(last.offset.toString());
        rest = rest.slice(progress.consumed);
      }
      if (interrupted !== undefined) throw interrupted;
      if (progress.pauseUntil !== undefined) {
        this.#pause(topic, partition, progress.pauseUntil);
        return;
      }
      if (progress.consumed === 0) return;
    }
  }

  /** Runs the handler and keeps the membership alive meanwhile; always waits for the handler to end. */
  async #call(slice: Slice, payload: EachBatchPayload): Promise<{ progress: Progress; interrupted?: Error }> {
    const ended = new AbortController();
    const signal = AbortSignal.any([slice.signal, ended.signal]);
    let interrupted: Error | undefined;
    const beat = setInterval(() => {
      payload.heartbeat().catch((error: unknown) => {
        interrupted ??= error instanceof Error ? error : new Error(String(error));
        ended.abort(interrupted);
      });
    }, HEARTBEAT_EVERY_MS);
    try {
      const progress = await this.#options.handler({ ...slice, signal });
      return { progress, ...(interrupted ? { interrupted } : {}) };
    } catch (error) {
      if (signal.aborted) return { progress: { consumed: 0 }, ...(interrupted ? { interrupted } : {}) };
      this.#log.error({ err: error, topic: slice.topic, partition: slice.partition }, 'slice failed, it is read again');
      return { progress: { consumed: 0, pauseUntil: sleep(PAUSE_AFTER_ERROR_MS, undefined, { ref: false }) } };
    } finally {
      clearInterval(beat);
    }
  }

  /**
   * Commits, unless the topic was made again since the last commit: then it is read from its start, and `false` comes
   * back. A commit that is refused costs a repetition, never a loss: the next member reads the same records again.
   */
  async #commit(
    generation: number,
    position: PartitionPosition,
    topic: string,
    partition: number,
    offset: bigint,
  ): Promise<boolean> {
    // Taken down meanwhile: the offset belongs to a log that is no more.
    if (generation !== this.#generation || this.#positions.get(key(topic, partition)) !== position) return false;
    try {
      if (position.committed && (await this.#restartIfMadeAgain(topic, [partition]))) return false;
      await this.#consumer.commitOffsets([{ topic, partition, offset: offset.toString() }]);
      position.committed = true;
    } catch (error) {
      this.#log.warn({ err: error, topic, partition, offset: offset.toString() }, 'commit refused');
    }
    return true;
  }

  #pause(topic: string, partition: number, until: Promise<unknown>): void {
    this.#consumer.pause([{ topic, partitions: [partition] }]);
    const resume = (): void => {
      if (this.#closing.signal.aborted || this.#stopped.has(key(topic, partition))) return;
      try {
        this.#consumer.resume([{ topic, partitions: [partition] }]);
      } catch (error) {
        // The library is starting again after a crash: the next join begins with nothing paused.
        this.#log.debug({ err: error, topic, partition }, 'not resumed');
      }
    };
    until.then(resume, resume);
  }

  /** The position of a partition in this generation: from what the group has committed and what the log holds. */
  async #position(topic: string, partition: number): Promise<PartitionPosition> {
    const known = this.#positions.get(key(topic, partition));
    if (known) return known;
    const { committed, range } = await this.#offsets(topic);
    const position = PartitionPosition.of(committed.get(partition), range.get(partition) ?? EMPTY);
    this.#positions.set(key(topic, partition), position);
    return position;
  }

  async #isContinuous(topic: string, partition: number, position: PartitionPosition, first: bigint): Promise<boolean> {
    if (first === position.expected) return true;
    const range = (await logRange(this.#admin, topic)).get(partition) ?? EMPTY;
    const finding = position.judge(first, range);
    const fields = { topic, partition, expected: position.expected.toString(), first: first.toString() };
    if (finding.kind === 'missing') {
      this.#stop(topic, partition, finding.records);
      return false;
    }
    if (finding.kind === 'restarted') this.#log.warn(fields, 'the log begins anew: topic made again or offsets reset');
    position.expected = first;
    return true;
  }

  /** Looks now and then at partitions that commit nothing for a while: idle ones, and paused ones. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await sleep(this.#options.watchEveryMs ?? 5_000, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        for (const topic of this.#options.topics) {
          const mine = [...this.#positions].filter(
            ([name, { committed }]) => committed && name.startsWith(`${topic}/`),
          );
          await this.#restartIfMadeAgain(
            topic,
            mine.map(([name]) => Number(name.slice(topic.length + 1))),
          );
        }
      } catch (error) {
        this.#log.debug({ err: error }, 'could not compare committed offsets');
      }
    }
  }

  /**
   * The commits of a deleted topic vanish with it. A position that was committed and no longer is means that the topic
   * was made again, even when it has meanwhile grown past the old offset. Reads such partitions from their start; true
   * when there was one.
   */
  async #restartIfMadeAgain(topic: string, partitions: readonly number[]): Promise<boolean> {
    if (partitions.length === 0) return false;
    const committed = await committedOffsets(this.#admin, this.#options.groupId, topic);
    const gone = partitions.filter(
      (partition) => !committed.has(partition) && this.#positions.get(key(topic, partition))?.committed,
    );
    if (gone.length === 0) return false;
    const range = await logRange(this.#admin, topic);
    for (const partition of gone) {
      this.#log.warn(
        { topic, partition },
        'committed offset is gone: the topic was made again, reading it from its start',
      );
      this.#positions.delete(key(topic, partition));
      this.#consumer.seek({ topic, partition, offset: (range.get(partition)?.low ?? 0n).toString() });
      if (this.#stopped.delete(key(topic, partition))) this.#consumer.resume([{ topic, partitions: [partition] }]);
    }
    return true;
  }
}

const key = (topic: string, partition: number): string => `${topic}/${partition}`;

function toRecord(message: KafkaMessage): StreamRecord {
  return {
    offset: BigInt(message.offset),
    key: message.key?.toString('utf8') ?? null,
    value: message.value ?? Buffer.alloc(0),
    timestampMs: Number(message.timestamp),
  };
}

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
