import { LEASE_MARGIN_MS } from '../../domain/capacity.js';

/** Most holders of one kind: the state travels in queries and in continue-as-new. */
export const MAX_HOLDERS = 500;

/** What every holder of a lease has. */
export interface Lease {
  holder: string;
  /** Of its last request. */
  seq: number;
  /** Of the last answer that it goes by. */
  revision: number;
  /** When its last lease ends, by the clock of the workflow. */
  expiresAtMs: number;
}

/** Holders by name, in the order in which they came. */
export class Leases<T extends Lease> {
  readonly #holders: Map<string, T>;

  constructor(holders: readonly T[]) {
    this.#holders = new Map(holders.map((one) => [one.holder, one]));
  }

  get all(): T[] {
    return [...this.#holders.values()];
  }

  get(holder: string): T | undefined {
    return this.#holders.get(holder);
  }

  /** Throws RangeError for a request that was overtaken by a later one of its holder, and for one holder too many. */
  check({ holder, seq }: { holder: string; seq: number }): void {
    const known = this.#holders.get(holder);
    if (known !== undefined && seq <= known.seq)
      throw new RangeError(`request ${seq} of ${holder} comes after its request ${known.seq}`);
    if (known === undefined && this.#holders.size >= MAX_HOLDERS)
      throw new RangeError(`${MAX_HOLDERS} hold leases already`);
  }

  set(one: T): void {
    this.#holders.set(one.holder, one);
  }

  delete(holder: string): void {
    this.#holders.delete(holder);
  }

  /** Forgets those whose lease and its margin have run out, and returns them. */
  expire(nowMs: number): T[] {
    const gone = this.all.filter(({ expiresAtMs }) => expiresAtMs + LEASE_MARGIN_MS <= nowMs);
    for (const { holder } of gone) this.#holders.delete(holder);
    return gone;
  }
}
