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
  readonly #left = new Map<string, { open: number; untilMs: number }>();

  /** Places of dispatchers whose lease has run out: they count until they come back, or it is too late for that. */
  get leftOpen(): number {
    return [...this.#left.values()].reduce((sum, { open }) => sum + open, 0);
  }

  override set(one: WindowLease): void {
    this.#left.delete(one.holder);
    super.set(one);
  }

  override expire(nowMs: number): WindowLease[] {
    for (const [holder, { untilMs }] of this.#left) if (untilMs <= nowMs) this.#left.delete(holder);
    const gone = super.expire(nowMs);
    for (const { holder, lanes } of gone) {
      const open = lanes.reduce((sum, lane) => sum + takenOf(lane), 0);
      this.#left.set(holder, { open, untilMs: nowMs + COME_BACK_MS });
    }
    return gone;
  }
}
