import type { Rate, ShareHolderState, ShareRequest } from '../../domain/index.js';
import { divide } from './divide.js';
import { Leases, type Lease } from './leases.js';

/** Cap and plan of one model. */
export interface Pool {
  cap: Rate;
  planned: number | null;
}

export interface ShareLease extends Lease {
  model: string;
  most: Rate;
  slots: number;
  /** The rate that it said it goes by. */
  inUse: Rate;
  /** The rate that it was answered. */
  rate: Rate;
  standby: boolean;
  waiting: { express: number; bulk: number };
}

export interface Share {
  rate: Rate;
  /** Why it has none. */
  standby?: string;
  /** It is owed more, which others have not given back yet, or has to say soon that it goes by less. */
  isUnsettled: boolean;
}

/**
 * Shares of the cap of each model. At any moment the rates that detectors may go by add up to the cap at most: what a
 * detector has said it goes by, and what it was last answered, both count until it says that it goes by less, or its
 * lease has run out.
 */
export class Shares {
  readonly leases: Leases<ShareLease>;

  constructor(leases: readonly ShareLease[]) {
    this.leases = new Leases(leases);
  }

  /** Answers a request that was checked. `onlyKept`: nothing may be given that was not had. */
  ask(request: ShareRequest, pool: Pool, lease: { revision: number; expiresAtMs: number }, onlyKept: boolean): Share {
    const { holder, seq, model, most, slots, rate: inUse, waiting } = request;
    const one: ShareLease = {
      ...{ holder, seq, model, most, slots, inUse, waiting, revision: request.revision },
      ...{ rate: 0, standby: false, expiresAtMs: lease.expiresAtMs },
    };
    this.leases.set(one);
    const { serving, places } = this.#serving(model, pool);
    if (!serving.includes(one)) {
      one.standby = true;
      const isMore = rateOf(inUse) > 0;
      return { rate: 0, standby: `${places} of ${places} planned detectors of ${model} serve`, isUnsettled: isMore };
    }
    const due = this.#due(one, serving, pool.cap);
    const room = pool.cap === null ? Infinity : pool.cap - this.#takenBeside(one);
    const given = Math.max(0, Math.min(due, room, onlyKept ? rateOf(inUse) : Infinity));
    one.rate = toRate(given);
    return { rate: one.rate, isUnsettled: given < due - 1e-9 || given < rateOf(inUse) };
  }

  /** Slots of the detectors that serve, of all models. */
  get slots(): number {
    return this.leases.all.reduce((sum, { standby, slots }) => sum + (standby ? 0 : slots), 0);
  }

  servingCount(): number {
    return this.leases.all.filter(({ standby }) => !standby).length;
  }

  /** Rate by which the images of a model are priced: that of one detector; undefined where it is not known. */
  rateOfOne(model: string, { cap, planned }: Pool): number | undefined {
    const of = this.leases.all.filter((one) => one.model === model && !one.standby);
    const measured = of.flatMap(({ most }) => (most === null || most === 0 ? [] : [most]));
    if (measured.length > 0) return measured.reduce((sum, most) => sum + most, 0) / measured.length;
    return cap === null ? undefined : cap / Math.max(1, planned ?? of.length);
  }

  ofModel(model: string): ShareHolderState[] {
    return this.leases.all
      .filter((one) => one.model === model)
      .map(({ holder, rate, most, slots, standby, waiting, expiresAtMs }) => ({
        ...{ holder, rate, most, slots, standby, waiting, expiresAtMs },
      }));
  }

  models(): string[] {
    return [...new Set(this.leases.all.map(({ model }) => model))];
  }

  #serving(model: string, { planned }: Pool): { serving: ShareLease[]; places: number } {
    const all = this.leases.all.filter((one) => one.model === model);
    return { serving: planned === null ? all : all.slice(0, planned), places: planned ?? all.length };
  }

  #due(one: ShareLease, serving: readonly ShareLease[], cap: Rate): number {
    if (cap === null) return rateOf(one.most);
    const parts = divide(
      cap,
      serving.map(({ most }) => ({ weight: 1, most: rateOf(most) })),
    );
    return parts[serving.indexOf(one)] ?? 0;
  }

  #takenBeside(one: ShareLease): number {
    return this.leases.all
      .filter((other) => other !== one && other.model === one.model)
      .reduce((sum, { rate, inUse }) => sum + Math.max(rateOf(rate), rateOf(inUse)), 0);
  }
}

export function rateOf(rate: Rate): number {
  return rate ?? Infinity;
}

export function toRate(rate: number): Rate {
  return rate === Infinity ? null : rate;
}
