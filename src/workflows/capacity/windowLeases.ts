import type { LaneDemand } from '../../domain/index.js';
import { Leases, type Lease } from './leases.js';

/**
 * After an outage leases have run out, and those who live come back one after the other within so long; the first must
 * not be given what the others still have open. It also keeps what a killed one had for so much longer.
 */
const COME_BACK_MS = 20_000;

export interface LanePlaces extends LaneDemand {
  /** What it was answered. */
  granted: number;
}

/** Places that count as taken: the holder may go by the last answer or the one before, and batches are open in them. */
export function takenOf({ granted, places, open }: LanePlaces): number {
  return Math.max(granted, places, open);
}

export interface WindowLease extends Lease {
  lanes: LanePlaces[];
}

/** Leases of places; those of a dispatcher whose lease has run out may still have batches open. */
export class WindowLeases extends Leases<WindowLease> {
  readonly #left = new Map<string, { lease: WindowLease; untilMs: number }>();

  /** Places of dispatchers whose lease has run out: they count until they come back, or it is too late for that. */
  get leftOpen(): number {
    return [...this.#left.values()].reduce((sum, { lease }) => sum + sumOf(lease.lanes), 0);
  }

  /** Whoever reads all that a lane has has counted what was open in it: what others had there counts no more. */
  override set(one: WindowLease): void {
    this.#left.delete(one.holder);
    super.set(one);
    for (const { lane, of } of one.lanes) if (of > 0) this.#supersede(one, lane, of);
  }

  /** All that continues as new; what has run out is found to have again. */
  snapshot(): WindowLease[] {
    return [...this.all, ...[...this.#left.values()].map(({ lease }) => lease)];
  }

  override expire(nowMs: number): WindowLease[] {
    for (const [holder, { untilMs }] of this.#left) if (untilMs <= nowMs) this.#left.delete(holder);
    const gone = super.expire(nowMs);
    for (const lease of gone) this.#left.set(lease.holder, { lease, untilMs: nowMs + COME_BACK_MS });
    return gone;
  }

  /** The partitions of a lane belong to those that spoke last; who is left over when they are all told has lost them. */
  #supersede(asks: WindowLease, lane: string, of: number): void {
    const latestFirst = [...this.all, ...[...this.#left.values()].map(({ lease }) => lease)].sort(
      (a, b) => b.expiresAtMs - a.expiresAtMs,
    );
    let told = 0;
    for (const lease of latestFirst) {
      const mine = lease.lanes.find((one) => one.lane === lane);
      if (mine === undefined) continue;
      if (told >= of && lease !== asks) Object.assign(mine, { open: 0, places: 0, granted: 0, wants: false });
      told += mine.partitions;
    }
  }
}

function sumOf(lanes: readonly LanePlaces[]): number {
  return lanes.reduce((sum, lane) => sum + takenOf(lane), 0);
}
