import { sourceKey, type OpenBreaker, type Source } from '../domain/index.js';
import type { Breakers } from './breakers.js';

/** A breaker that waits for its probe behind the events of another one has the partition turned over at most so often. */
const TURN_EVERY_MS = 5 * 60_000;

/** When the records in front of a partition are to be written again to its end. */
export class Turning {
  /** Up to here. */
  #through: bigint | undefined;
  #turnedAtMs = -Infinity;
  /** Sources that were open in this partition since it was last turned over. */
  #open = new Set<string>();

  constructor(
    private readonly options: { breakers: Pick<Breakers, 'open'>; partitionOf: (key: string) => number },
    private readonly partition: number,
  ) {}

  /** A partition that was not turned over yet may hold anything behind its front. */
  get isNew(): boolean {
    return this.#through === undefined;
  }

  begin(highWatermark: bigint, first: Source): void {
    this.#through = highWatermark;
    this.#turnedAtMs = performance.now();
    this.#open = new Set(this.#openHere(first).map(sourceKey));
  }

  /** How many records from this offset on are to be turned over. */
  left(offset: bigint): number {
    const left = (this.#through ?? offset) - offset;
    return left > 0n ? Number(left) : 0;
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
