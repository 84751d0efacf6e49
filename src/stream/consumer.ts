import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Config } from '../config/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { connectKafka } from './kafka.js';
import { retryForever } from '../service/index.js';
import { Partitions } from './partitions.js';
import type { PartitionPosition } from './position.js';
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
  readonly #partitions: Partitions;
  readonly #closing = new AbortController();
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
    this.#partitions = new Partitions(this.#admin, options.groupId, this.#log, options.metrics);
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
    const problems = this.#partitions.problems();
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
    this.#partitions.clear();
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
        const { committed, range } = await retryForever(() => this.#partitions.offsets(topic), {
          backoff: ADMISSION_BACKOFF,
          signal,
          onError: (error, tries) => this.#log.warn({ err: error, topic, tries }, 'offsets can not be read'),
        });
        if (generation !== this.#generation) return;
        const fit = partitions.filter((partition) =>
          this.#partitions.admit(topic, partition, committed.get(partition), range.get(partition)),
        );
        if (fit.length > 0) this.#consumer.resume([{ topic, partitions: fit }]);
      }
    } catch (error) {
      // Out of the group meanwhile: the next join admits again.
      if (!signal.aborted && this.#joined) this.#options.onFatal(error);
    }
  }

  async #read(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const generation = this.#generation;
    let rest = payload.batch.messages.map(toRecord);
    const first = rest[0];
    if (first === undefined) return;
    const position = await this.#partitions.position(topic, partition);
    if (!(await this.#partitions.accepts(topic, partition, position, first.offset))) {
      this.#consumer.pause([{ topic, partitions: [partition] }]);
      return;
    }

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
    if (generation !== this.#generation || !this.#partitions.isCurrent(topic, partition, position)) return false;
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
      if (this.#closing.signal.aborted || this.#partitions.isStopped(topic, partition)) return;
      try {
        this.#consumer.resume([{ topic, partitions: [partition] }]);
      } catch (error) {
        // The library is starting again after a crash: the next join begins with nothing paused.
        this.#log.debug({ err: error, topic, partition }, 'not resumed');
      }
    };
    until.then(resume, resume);
  }

  /** Looks now and then at partitions that commit nothing for a while: idle ones, and paused ones. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await sleep(this.#options.watchEveryMs ?? 5_000, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        for (const topic of this.#options.topics) {
          await this.#restartIfMadeAgain(topic, this.#partitions.committed(topic));
        }
      } catch (error) {
        this.#log.debug({ err: error }, 'could not compare committed offsets');
      }
    }
  }

  /** Reads partitions whose topic was made again from their start; true when there was one. */
  async #restartIfMadeAgain(topic: string, partitions: readonly number[]): Promise<boolean> {
    const madeAgain = await this.#partitions.takeMadeAgain(topic, partitions);
    for (const { partition, from, wasStopped } of madeAgain) {
      this.#consumer.seek({ topic, partition, offset: from.toString() });
      if (wasStopped) this.#consumer.resume([{ topic, partitions: [partition] }]);
    }
    return madeAgain.length > 0;
  }
}

function toRecord(message: KafkaMessage): StreamRecord {
  return {
    offset: BigInt(message.offset),
    key: message.key?.toString('utf8') ?? null,
    value: message.value ?? Buffer.alloc(0),
    timestampMs: Number(message.timestamp),
  };
}
