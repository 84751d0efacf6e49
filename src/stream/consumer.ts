import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import type { Config } from '../config/index.js';
import { reasonOf, type Logger, type Metrics } from '../telemetry/index.js';
import { Admission, commitAll } from './admission.js';
import { callHandler, PAUSE_AFTER_ERROR_MS } from './callHandler.js';
import { Commits, type Reading } from './commits.js';
import { connectKafka, groupConsumer } from './kafka.js';
import { Partitions, type PartitionOffset } from './partitions.js';
import { toRecord } from './record.js';
import type { Slice, SliceHandler, StreamConsumer } from './types.js';
import { watchTopics } from './watchTopics.js';

export interface ConsumerOptions {
  config: Config;
  log: Logger;
  metrics: Metrics;
  groupId: string;
  topics: readonly string[];
  handler: SliceHandler;
  /** A generation of the group begins: partitions by topic, before any of them is read; the signal aborts at its end. */
  onAssigned?: (assigned: Readonly<Record<string, readonly number[]>>, signal: AbortSignal) => void;
  /** Called when the consumer has stopped for good: the role must end. */
  onFatal: (error: unknown) => void;
  /** Longest that the broker may hold a fetch while nothing is there; milliseconds. Default 100. */
  lingerMs?: number;
  /** Most bytes of one partition in a fetch. Default 1 MiB. */
  maxBytesPerPartition?: number;
  /** Most bytes of all partitions of a broker in a fetch. Default 10 MiB. */
  maxBytes?: number;
  /** How often the committed offsets are compared with the broker's, to notice a topic made again. Default 5,000 ms. */
  watchEveryMs?: number;
}

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
  readonly #admission: Admission;
  /** Why the last slice of a partition was not consumed, where its handler failed. */
  readonly #failing = new Map<string, string>();
  readonly #commits: Commits;
  /** Slices that are read, and those that are not finished. */
  readonly #working = new Set<Promise<void>>();
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
    this.#consumer = kafka.consumer(groupConsumer(options));
    this.#partitions = new Partitions(this.#admin, options.groupId, this.#log, options.metrics);
    this.#admission = new Admission(this.#consumer, this.#partitions, this.#log);
    this.#commits = new Commits({
      log: this.#log,
      examine: (topic, partitions) => this.#examine(topic, partitions),
      isStopped: (topic, partition) => this.#partitions.isStopped(topic, partition),
      readAgain: (reading, error) => this.#readAgain(reading, error),
      onFinished: ({ topic, partition }) => this.#failing.delete(`${topic}/${partition}`),
    });
  }

  async start(): Promise<void> {
    const { GROUP_JOIN, CRASH, REBALANCING } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#newGeneration();
      this.#joined = true;
      this.#log.info({ assigned: payload.memberAssignment }, 'joined group');
      this.#options.onAssigned?.(payload.memberAssignment, this.#generationEnd.signal);
      const ended = AbortSignal.any([this.#closing.signal, this.#generationEnd.signal]);
      void this.#admission.admit(payload.memberAssignment, ended);
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
      eachBatch: (payload) => this.#track(this.#read(payload)),
    });
    const { topics, metrics, watchEveryMs } = this.#options;
    this.#watching = watchTopics({
      ...{ admin: this.#admin, partitions: this.#partitions, topics, log: this.#log, metrics },
      ...{ examine: (topic, partitions) => this.#examine(topic, partitions), signal: this.#closing.signal },
      ...(watchEveryMs === undefined ? {} : { everyMs: watchEveryMs }),
    });
  }

  problems(): string[] {
    const problems = [...this.#partitions.problems(), ...this.#failing.values(), ...this.#admission.problems()];
    if (!this.#joined) problems.push(`not in the group ${this.#options.groupId}`);
    return problems;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('consumer is closing'));
    await this.#watching;
    try {
      this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    } catch (error) {
      this.#log.debug({ err: error }, 'not paused: nothing is read');
    }
    // What handlers have begun is finished, and committed.
    while (this.#working.size > 0) await Promise.allSettled(this.#working);
    await this.#consumer.disconnect();
    this.#generationEnd.abort(new Error('consumer is closed'));
    await this.#admin.disconnect();
  }

  #newGeneration(): void {
    this.#generation += 1;
    this.#generationEnd.abort(new Error('partition was reassigned'));
    this.#generationEnd = new AbortController();
    // Each partition that is worked on listens: Node would warn of a leak at the eleventh.
    setMaxListeners(0, this.#generationEnd.signal);
    this.#partitions.clear();
    this.#failing.clear();
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#working.add(work);
    try {
      await work;
    } finally {
      this.#working.delete(work);
    }
  }

  async #read(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const generation = this.#generation;
    let rest = payload.batch.messages.map(toRecord);
    const first = rest[0];
    if (first === undefined) return;
    const position = this.#partitions.position(topic, partition);
    // Not admitted yet: what is left unread comes again.
    if (position === undefined) return;
    if (!(await this.#partitions.accepts(topic, partition, position, first.offset))) {
      await this.#halt(topic, { partition, offset: position.expected });
      return;
    }

    const isCurrent = (): boolean =>
      generation === this.#generation && this.#partitions.position(topic, partition) === position;
    const reading: Reading = { topic, partition, position, payload, isCurrent };
    while (rest.length > 0) {
      if (this.#closing.signal.aborted || !payload.isRunning() || payload.isStale() || !isCurrent()) return;
      const slice: Slice = {
        ...{ topic, partition, records: rest },
        highWatermark: BigInt(payload.batch.highWatermark),
        signal: this.#generationEnd.signal,
      };
      const { progress, interrupted, failure } = await callHandler(this.#options.handler, slice, payload, this.#log);
      const name = `${topic}/${partition}`;
      if (failure !== undefined) this.#failing.set(name, `${name}: ${failure}`);
      else if (progress.done === undefined) this.#failing.delete(name);
      const last = rest[progress.consumed - 1];
      if (last !== undefined) {
        const next = last.offset + 1n;
        if (!(await this.#finish(payload, reading, next, progress.done))) return;
        position.expected = next;
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

  /** Commits what is done, or sees to it that it will be. False when the partition is not to be read on. */
  async #finish(
    payload: EachBatchPayload,
    reading: Reading,
    next: bigint,
    done: Promise<void> | undefined,
  ): Promise<boolean> {
    if (done === undefined && !this.#commits.hasUnfinished(reading))
      return (await this.#commits.commit(reading, next)) === 'made';
    // What was taken before has failed while the handler took this: it comes again, behind that.
    const isLost = payload.isStale() || !reading.isCurrent();
    const committed = isLost
      ? done?.catch(() => undefined)
      : this.#commits.whenDone(reading, next, done ?? Promise.resolve());
    if (committed) void this.#track(committed);
    return !isLost;
  }

  #readAgain({ topic, partition, position }: Reading, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const name = `${topic}/${partition}`;
    this.#log.error({ err: error, topic, partition }, 'slice failed, it is read again');
    this.#failing.set(name, `${name}: ${reasonOf(error)}`);
    position.expected = position.committed;
    try {
      this.#consumer.seek({ topic, partition, offset: position.committed.toString() });
      this.#pause(topic, partition, sleep(PAUSE_AFTER_ERROR_MS, undefined, { ref: false }));
    } catch (cause) {
      // The library is starting again after a crash: the next join reads from what is committed.
      this.#log.debug({ err: cause, topic, partition }, 'not read again at once');
    }
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

  /** Reads partitions whose topic was made again from their start, and stops those whose records are gone unread. */
  async #examine(topic: string, partitions: readonly number[]): Promise<void> {
    const { movedBack, madeAgain, stopped } = await this.#partitions.examine(topic, partitions);
    // First all that can't fail: a commit that does is found missing, and made, by the next look.
    for (const { partition, offset, wasStopped } of madeAgain) {
      this.#consumer.seek({ topic, partition, offset: offset.toString() });
      if (wasStopped) this.#consumer.resume([{ topic, partitions: [partition] }]);
    }
    for (const { partition } of stopped) this.#consumer.pause([{ topic, partitions: [partition] }]);
    const offsets = [...movedBack, ...madeAgain, ...stopped];
    if (offsets.length > 0) await commitAll(this.#consumer, topic, offsets);
  }

  /** Reads no further, and commits where it stands: the library may have moved the commit over what is missing. */
  async #halt(topic: string, lost: PartitionOffset): Promise<void> {
    this.#consumer.pause([{ topic, partitions: [lost.partition] }]);
    await commitAll(this.#consumer, topic, [lost]);
  }
}
