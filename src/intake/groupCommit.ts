import type { AddressedRecord } from '../admission/index.js';
import type { OutgoingRecord, StreamProducer } from '../stream/index.js';
import type { IntakeMetrics } from './intakeMetrics.js';

/** Acknowledged by every in-sync replica, or not and why. */
export type AppendResult =
  { kind: 'acknowledged' } | { kind: 'unavailable'; cause: 'broker' | 'timeout' | 'buffer' | 'stopping' };

/** Most records in one produce request. */
const BATCH_EVENTS = 1_000;
/** Most bytes in one produce request: a broker takes 1 MiB for one partition, and all of them may go to one. */
const BATCH_BYTES = 900_000;
/** Most bytes that wait, whatever the count: dead letters are a hundred times as large as events. */
const BUFFER_BYTES = 64 * 1_048_576;

interface Submission {
  entries: Entry[];
  unacknowledged: number;
  settle: (result: AppendResult) => void;
}

interface Entry {
  submission: Submission;
  record: AddressedRecord;
  bytes: number;
}

/**
 * Lets concurrent requests share produce requests: one is in flight for each topic, and what arrives meanwhile forms
 * the next. Bounded in events, bytes and time. An append that ends in `unavailable` is held no longer; what was already
 * on its way may still reach the log.
 */
export class GroupCommit {
  readonly #producer: StreamProducer;
  readonly #maxEvents: number;
  readonly #timeoutMs: number;
  readonly #metrics: IntakeMetrics;
  readonly #onFailure: (error: unknown, topic: string, events: number) => void;
  /** Topic to what waits for it, oldest first. */
  readonly #waiting = new Map<string, Set<Entry>>();
  readonly #inFlight = new Set<string>();
  /** Appends without a result. */
  readonly #open = new Set<Submission>();
  readonly #onEmpty: (() => void)[] = [];
  #events = 0;
  #bytes = 0;
  #closed = false;

  constructor(options: {
    producer: StreamProducer;
    /** Most events that wait or are on their way. */
    maxEvents: number;
    /** Longest that an append may take. */
    timeoutMs: number;
    metrics: IntakeMetrics;
    /** Sees each produce request that was not acknowledged, once. */
    onFailure: (error: unknown, topic: string, events: number) => void;
  }) {
    this.#producer = options.producer;
    this.#maxEvents = options.maxEvents;
    this.#timeoutMs = options.timeoutMs;
    this.#metrics = options.metrics;
    this.#onFailure = options.onFailure;
  }

  /** Settles when all of the records are acknowledged, or when one of them can not be in time. Never rejects. */
  append(records: readonly AddressedRecord[]): Promise<AppendResult> {
    if (records.length === 0) return Promise.resolve({ kind: 'acknowledged' });
    if (this.#closed) return Promise.resolve({ kind: 'unavailable', cause: 'stopping' });
    const sizes = records.map(recordBytes);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    // A request that is larger than the whole buffer is taken alone; the limit on bodies bounds it.
    const isFull = this.#events + records.length > this.#maxEvents || this.#bytes + bytes > BUFFER_BYTES;
    if (isFull && this.#events > 0) {
      return Promise.resolve({ kind: 'unavailable', cause: 'buffer' });
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle({ kind: 'unavailable', cause: 'timeout' }), this.#timeoutMs);
      const settle = (result: AppendResult): void => {
        if (!this.#open.delete(submission)) return;
        clearTimeout(timer);
        if (result.kind === 'unavailable') this.#withdraw(submission);
        resolve(result);
        if (this.#open.size === 0) for (const drained of this.#onEmpty.splice(0)) drained();
      };
      const submission: Submission = { entries: [], unacknowledged: records.length, settle };
      submission.entries = records.map((record, index) => ({ submission, record, bytes: sizes[index] ?? 0 }));
      this.#open.add(submission);
      this.#hold(submission.entries);
      for (const topic of new Set(records.map((record) => record.topic))) this.#pump(topic);
    });
  }

  /**
   * Takes nothing more and resolves when every append has its result, so within the timeout. A produce request that
   * nobody waits for any more is not waited for.
   */
  drain(): Promise<void> {
    this.#closed = true;
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #hold(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const waiting = this.#waiting.get(entry.record.topic) ?? new Set();
      this.#waiting.set(entry.record.topic, waiting.add(entry));
      this.#events += 1;
      this.#bytes += entry.bytes;
    }
    this.#metrics.buffered(this.#events);
  }

  #release(entry: Entry): void {
    this.#events -= 1;
    this.#bytes -= entry.bytes;
    this.#metrics.buffered(this.#events);
  }

  /** What has not left yet does not leave any more. */
  #withdraw(submission: Submission): void {
    for (const entry of submission.entries) {
      if (this.#waiting.get(entry.record.topic)?.delete(entry)) this.#release(entry);
    }
  }

  #pump(topic: string): void {
    if (this.#inFlight.has(topic)) return;
    const batch = takeBatch(this.#waiting.get(topic));
    if (batch.length === 0) return;
    this.#inFlight.add(topic);
    void this.#produce(topic, batch).then(() => {
      this.#inFlight.delete(topic);
      this.#pump(topic);
    });
  }

  async #produce(topic: string, batch: readonly Entry[]): Promise<void> {
    const began = performance.now();
    let acknowledged = false;
    try {
      await this.#producer.send(
        topic,
        batch.map(({ record }) => record),
      );
      acknowledged = true;
    } catch (error) {
      this.#onFailure(error, topic, batch.length);
    }
    const seconds = (performance.now() - began) / 1000;
    this.#metrics.produced(acknowledged ? 'acknowledged' : 'failed', seconds, batch.length);
    for (const entry of batch) {
      this.#release(entry);
      const { submission } = entry;
      submission.unacknowledged -= 1;
      if (!acknowledged) submission.settle({ kind: 'unavailable', cause: 'broker' });
      else if (submission.unacknowledged === 0) submission.settle({ kind: 'acknowledged' });
    }
  }
}

function takeBatch(waiting: Set<Entry> | undefined): Entry[] {
  const batch: Entry[] = [];
  let bytes = 0;
  for (const entry of waiting ?? []) {
    if (batch.length === BATCH_EVENTS || (batch.length > 0 && bytes + entry.bytes > BATCH_BYTES)) break;
    batch.push(entry);
    bytes += entry.bytes;
    waiting?.delete(entry);
  }
  return batch;
}

/** Bytes in the log, with room for the record's own overhead. */
function recordBytes({ key, value }: OutgoingRecord): number {
  return Buffer.byteLength(value) + (key === undefined ? 0 : Buffer.byteLength(key)) + 64;
}
