import { sourceKey, type OpenBreaker, type Source } from '../domain/index.js';
import type { Breakers } from './breakers.js';

/** A breaker that waits for its probe behind the events of another one has the partition turned over at most so often. */
const TURN_EVERY_MS = 5 * 60_000;
/**
 * Where others have written behind the front it is turned over at least so often: events of a source whose breaker this
 * process never saw open may be among them, because it opened and closed between two answers, or while another process
 * had the partition, or because a batch put them back late.
 */
const LOOK_EVERY_MS = 30 * 60_000;

/** When the records in front of a partition are to be written again to its end. */
export class Turning {
  /** Up to here. */
  #through: bigint | undefined;
  /** Records that were written to the end since. */
  #moved = 0n;
  #turnedAtMs = -Infinity;
  #lookedAtMs = -Infinity;
  /** Sources that were open in this partition since it was last turned over. */
  #open = new Set<string>();

  constructor(
    private readonly options: { breakers: Pick<Breakers, 'open'>; partitionOf: (key: string) => number },
    private readonly partition: number,
  ) {}

  /**
   * Anything may be behind the front: the partition was not turned over yet, it is another log than it was (the topic
   * was made again), or it is time to look at what others have written.
   */
  isUnknown(highWatermark: bigint): boolean {
    if (this.#through === undefined || highWatermark < this.#through) return true;
    if (!this.isLookDue) return false;
    this.#lookedAtMs = performance.now();
    return highWatermark > this.#through + this.#moved;
  }

  get isLookDue(): boolean {
    return performance.now() - this.#lookedAtMs > LOOK_EVERY_MS;
  }

  begin(highWatermark: bigint, first: Source): void {
    this.#through = highWatermark;
    this.#moved = 0n;
    this.#turnedAtMs = performance.now();
    this.#lookedAtMs = this.#turnedAtMs;
    this.#open = new Set(this.#openHere(first).map(sourceKey));
  }

  /** How many records from this offset on are to be turned over. */
  left(offset: bigint): number {
    const left = (this.#through ?? offset) - offset;
    return left > 0n ? Number(left) : 0;
  }

  /** So many of them were written to the end. */
  moved(records: number): void {
    this.#moved += BigInt(records);
  }

  /** Another source of this partition has been closed, or waits for its probe. */
  isWanted(first: Source, isDue: (breaker: OpenBreaker) => boolean): boolean {
    const here = this.#openHere(first);
    const keys = new Set(here.map(sourceKey));
    const closed = [...this.#open].some((key) => key !== sourceKey(first) && !keys.has(key));
    for (const key of keys) this.#open.add(key);
    return closed || (performance.now() - this.#turnedAtMs > TURN_EVERY_MS && here.some(isDue));
  }

  #openHere(first: Source): OpenBreaker[] {
    return this.options.breakers.open.filter((breaker) => {
      const key = sourceKey(breaker);
      return key !== sourceKey(first) && this.options.partitionOf(key) === this.partition;
    });
  }
}
