/**
 * Penstock's own narrow interface over Kafka: all that the rest of the code knows of it. The client library behind it
 * can be changed in this folder alone.
 */

/** One record as read. Offsets are bigint: they can not round. */
export interface StreamRecord {
  offset: bigint;
  key: string | null;
  value: Buffer;
  headers?: Readonly<Record<string, string>>;
  /** Broker or producer time, milliseconds since the epoch. */
  timestampMs: number;
}

/** One record to write. */
export interface OutgoingRecord {
  /** Decides the partition; without it records are spread. */
  key?: string;
  value: string;
  headers?: Readonly<Record<string, string>>;
}

/**
 * Writes records. A call resolves only when every in-sync replica has acknowledged all of its records, and rejects
 * with `StreamUnavailableError` when that did not happen in time: then each of them may or may not be in the log, and
 * the caller sends again (readers count by key, so twice is harmless).
 */
export interface StreamProducer {
  send(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  /** True while the last word from the broker was good. */
  isHealthy(): boolean;
  close(): Promise<void>;
}

/** The broker did not acknowledge. Worth trying again. */
export class StreamUnavailableError extends Error {
  override name = 'StreamUnavailableError';
  readonly retryable = true;
}

/** Consecutive records of one partition, in order, beginning at the first that is not yet consumed. */
export interface Slice {
  topic: string;
  partition: number;
  /** At least one. */
  records: readonly StreamRecord[];
  /** Offset after the last record in the log when the slice was read. */
  highWatermark: bigint;
  /** Aborts when the partition is lost: stop waiting, what is returned is not committed. */
  signal: AbortSignal;
}

/**
 * What a handler did with a slice. `consumed` records from its front are done for good and are committed; the rest
 * comes again, together with what has arrived meanwhile. With `pauseUntil` the partition is not read until the promise
 * settles (it costs no memory and keeps its place in the group).
 *
 * With `done` they are only taken: they are done for good, and committed, once it resolves, and the partition is read
 * on meanwhile. The handler bounds what it takes by returning later. When `done` rejects, the partition is read again
 * from the first record that is not done.
 */
export interface Progress {
  consumed: number;
  done?: Promise<void>;
  pauseUntil?: Promise<unknown>;
}

/** Called for one slice of a partition at a time; partitions run side by side. A throw repeats the slice after a pause. */
export type SliceHandler = (slice: Slice) => Promise<Progress>;

export interface StreamConsumer {
  /** Sentences about what it waits for or what stopped; empty when all is well. */
  problems(): string[];
  /** Stops fetching, waits for the handlers in flight (bounded by the caller), commits what they did, leaves the group. */
  close(): Promise<void>;
}
