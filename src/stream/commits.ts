import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';
import type { Logger } from '../telemetry/index.js';
import { Looks } from './looks.js';
import type { PartitionPosition } from './position.js';
import { Unfinished, type CommitOutcome } from './unfinished.js';

const COMMIT_TRIES = 3;
const COMMIT_PAUSE_MS = 500;

/** A partition as it is read: in one generation of the group, from one log. */
export interface Reading {
  topic: string;
  partition: number;
  position: PartitionPosition;
  payload: Pick<EachBatchPayload, 'commitOffsetsIfNecessary'>;
  /** The generation has not ended, and the topic was not made again. */
  isCurrent: () => boolean;
}

/** What commits need of the consumer. */
export interface CommitsOptions {
  log: Logger;
  /** Looks whether the topic was made again since the last commits. */
  examine: (topic: string, partitions: readonly number[]) => Promise<void>;
  /** Records of the partition are gone unread: nothing of it is committed. */
  isStopped: (topic: string, partition: number) => boolean;
  /** A slice failed after its handler took it: the partition is to be read again from `position.committed`. */
  readAgain: (reading: Reading, error: unknown) => void;
  /** A slice that was taken is finished and committed. */
  onFinished: (reading: Reading) => void;
}

/** Commits what handlers have finished, at once or when they have. */
export class Commits {
  /** What handlers have taken and not finished, by the position that was read from. */
  readonly #unfinished = new WeakMap<PartitionPosition, Unfinished>();

  readonly #looks: Looks;

  constructor(private readonly options: CommitsOptions) {
    this.#looks = new Looks((topic, partitions) => options.examine(topic, partitions));
  }

  /** Slices before it are not finished: one that is must wait for them. */
  hasUnfinished({ position }: Reading): boolean {
    return this.#unfinished.has(position);
  }

  /**
   * Commits, unless the topic was made again since the last commit: then it is read from its start. A commit that is
   * refused again and again costs a repetition, never a loss: the records are read once more.
   */
  async commit(reading: Reading, offset: bigint): Promise<CommitOutcome> {
    const { topic, partition, position, payload, isCurrent } = reading;
    if (!isCurrent()) return 'stale';
    for (let tries = 1; tries <= COMMIT_TRIES; tries += 1) {
      try {
        await this.#looks.at(topic, partition);
        // Taken down meanwhile: the offset belongs to a log that is no more.
        if (this.options.isStopped(topic, partition) || !isCurrent()) return 'stale';
        // By the batch and not by the consumer, which commits nothing, silently, once it is told to stop.
        await payload.commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition, offset: offset.toString() }] }],
        });
        position.committed = offset;
        return 'made';
      } catch (error) {
        this.options.log.warn({ err: error, topic, partition, offset: offset.toString(), tries }, 'commit refused');
        if (!isCurrent()) return 'stale';
        if (tries < COMMIT_TRIES) await sleep(COMMIT_PAUSE_MS);
      }
    }
    return 'refused';
  }

  /** Commits up to `offset` once that, and all before it, is done. Resolves, always, when nothing more is to be done. */
  whenDone(reading: Reading, offset: bigint, done: Promise<void>): Promise<void> {
    const { position, isCurrent } = reading;
    const known = this.#unfinished.get(position);
    if (known) return known.add(offset, done);
    const unfinished = new Unfinished(
      async (next) => {
        const outcome = await this.commit(reading, next);
        if (outcome === 'made') this.options.onFinished(reading);
        return outcome;
      },
      (error) => {
        this.#unfinished.delete(position);
        if (isCurrent()) this.options.readAgain(reading, error);
      },
    );
    this.#unfinished.set(position, unfinished);
    return unfinished.add(offset, done);
  }
}
