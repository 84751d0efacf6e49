import type { Consumer } from 'kafkajs';
import { retryForever } from '../service/index.js';
import type { Logger } from '../telemetry/index.js';
import type { PartitionOffset, Partitions } from './partitions.js';

const BACKOFF = { firstMs: 100, maxMs: 5_000 };

/**
 * Lets the partitions of a new generation be read, once their committed offsets have been held against the log. Until
 * then they are paused: the library would meet an offset below the log's start by moving, and committing, silently.
 */
export class Admission {
  #problem: string | undefined;

  constructor(
    private readonly consumer: Pick<Consumer, 'pause' | 'resume' | 'commitOffsets'>,
    private readonly partitions: Partitions,
    private readonly log: Logger,
  ) {}

  /** What keeps partitions from being read; empty while nothing does. */
  problems(): string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  /**
   * Tries until all are admitted, or until `signal` says that the generation has ended. Nothing else ends it: between a
   * crash of the library and its word of it, every call to it throws, and the next join admits again. Pauses before it
   * returns for the first time.
   */
  async admit(assignment: Record<string, number[]>, signal: AbortSignal): Promise<void> {
    this.#problem = undefined;
    const waiting = new Map(Object.entries(assignment));
    const attempt = async (): Promise<void> => {
      for (const [topic, partitions] of waiting) this.consumer.pause([{ topic, partitions }]);
      for (const [topic, partitions] of waiting) {
        const fit = await this.#admitTopic(topic, partitions, signal);
        signal.throwIfAborted();
        if (fit.length > 0) this.consumer.resume([{ topic, partitions: fit }]);
        waiting.delete(topic);
      }
      this.#problem = undefined;
    };
    const onError = (err: unknown, tries: number): void => {
      if (signal.aborted) return;
      const topics = [...waiting.keys()];
      this.#problem = `partitions of ${topics.join(', ')} can not be read yet: ${err instanceof Error ? err.message : String(err)}`;
      this.log.warn({ err, topics, tries }, 'partitions can not be admitted yet');
    };
    await retryForever(attempt, { backoff: BACKOFF, signal, onError }).catch(() => undefined);
  }

  /** Commits the start of partitions that have no commit: without one, a topic made again could not be told. */
  async #admitTopic(topic: string, partitions: readonly number[], signal: AbortSignal): Promise<number[]> {
    const isCurrent = (): boolean => !signal.aborted;
    const { fit, uncommitted } = await this.partitions.admit(topic, partitions, isCurrent);
    if (uncommitted.length === 0) return fit;
    await commitAll(this.consumer, topic, uncommitted);
    // The library commits nothing, silently, while it is still starting.
    const again = await this.partitions.admit(topic, partitions, isCurrent);
    if (again.uncommitted.length === 0) return again.fit;
    throw new Error(`${topic}: the start of ${again.uncommitted.length} partitions is not committed yet`);
  }
}

/** Commits outside of a handler. */
export async function commitAll(
  consumer: Pick<Consumer, 'commitOffsets'>,
  topic: string,
  offsets: readonly PartitionOffset[],
): Promise<void> {
  await consumer.commitOffsets(
    offsets.map(({ partition, offset }) => ({ topic, partition, offset: offset.toString() })),
  );
}
