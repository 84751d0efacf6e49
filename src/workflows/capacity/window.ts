import type { LaneSetting, WindowRequest, WindowState } from '../../domain/index.js';
import { divideWhole } from './divide.js';
import { takenOf, WindowLeases, type LanePlaces, type WindowLease } from './windowLeases.js';

export type { WindowLease } from './windowLeases.js';

/** Open batches for each slot of the detectors: one at work, and two that wait for it. */
const BATCHES_PER_SLOT = 3;
/** Slots that are counted on while no detector has a share. */
const SLOTS_UNKNOWN = 4;
/** One place in so many stays free for express. */
const EXPRESS_PART = 6;

export interface WindowBounds {
  lanes: readonly LaneSetting[];
  /** Null: by the slots of the detectors. */
  window: number | null;
  slots: number;
  /** Why a lane may start nothing; undefined where it may. */
  stopOf: (lane: LaneSetting) => string | undefined;
}

/**
 * The window of open batches, divided among lanes by weight and inside a lane among dispatchers. What a lane does not use
 * is lent, but for a few places that stay free for it: a lent place comes back only when its batch has ended. As with
 * shares, a place counts as taken as long as its holder may use it or a batch is open in it.
 */
export class WindowPlaces {
  readonly leases: WindowLeases;

  constructor(leases: readonly WindowLease[]) {
    this.leases = new WindowLeases(leases);
  }

  /** Answers a request that was checked. */
  ask(
    request: WindowRequest,
    bounds: WindowBounds,
    expiresAtMs: number,
  ): { lanes: { lane: string; places: number }[]; isUnsettled: boolean } {
    const { holder, seq, revision } = request;
    const known = new Set(bounds.lanes.map(({ lane }) => lane));
    const lanes = request.lanes.map((demand) => ({ ...demand, granted: 0 }));
    const one: WindowLease = { holder, seq, revision, expiresAtMs, lanes };
    this.leases.set(one);
    const total = this.total(bounds);
    const quotas = this.#quotas(total, bounds);
    let isUnsettled = false;
    for (const mine of lanes) {
      if (!known.has(mine.lane)) continue;
      const quota = quotas.get(mine.lane) ?? 0;
      const due = this.#dueOf(one, mine, quota);
      // What others of the lane have beyond their parts must not be taken from what stays free for another lane.
      const room = Math.min(total - this.#takenBeside(mine), quota - this.#takenBeside(mine, mine.lane));
      mine.granted = Math.max(0, Math.min(due, room));
      if (mine.granted < mine.places || (mine.wants && mine.granted < due)) isUnsettled = true;
    }
    return { lanes: lanes.map(({ lane, granted }) => ({ lane, places: granted })), isUnsettled };
  }

  /** Places of the window; every dispatcher has at least one in each lane. */
  total({ window, slots, lanes }: Pick<WindowBounds, 'window' | 'slots' | 'lanes'>): number {
    const wanted = window ?? BATCHES_PER_SLOT * (slots || SLOTS_UNKNOWN);
    return Math.max(wanted, lanes.length * Math.max(1, this.leases.all.length));
  }

  state(bounds: WindowBounds): WindowState {
    const holders = this.leases.all;
    return {
      places: this.total(bounds),
      lanes: bounds.lanes.map((setting) => {
        const of = holders.flatMap(({ lanes }) => lanes.filter(({ lane }) => lane === setting.lane));
        const sum = (value: (one: LanePlaces) => number): number => of.reduce((total, one) => total + value(one), 0);
        return {
          ...setting,
          leased: sum(({ granted }) => granted),
          open: sum(({ open }) => open),
          stopped: bounds.stopOf(setting) ?? null,
        };
      }),
      holders: holders.map(({ holder, expiresAtMs }) => ({ holder, expiresAtMs })),
    };
  }

  /**
   * Each lane has its share by weight, and at least what stays free for it; what it can't use goes to the others. A lane
   * that nobody wants room in has what is open in it.
   */
  #quotas(total: number, bounds: WindowBounds): Map<string, number> {
    const quotas = new Map<string, number>();
    let open = bounds.lanes
      .filter((lane) => bounds.stopOf(lane) === undefined)
      .map((setting) => {
        const of = this.#of(setting.lane);
        const used = of.some(({ wants }) => wants) ? total : of.reduce((sum, { open: here }) => sum + here, 0);
        const floor = this.#floor(setting, total, bounds.lanes.length);
        return { lane: setting.lane, floor, claim: { weight: setting.weight, most: Math.max(used, floor) } };
      });
    let left = total;
    for (;;) {
      const parts = divideWhole(
        left,
        open.map(({ claim }) => claim),
      );
      const low = new Set(open.filter(({ floor }, index) => (parts[index] ?? 0) < floor));
      if (low.size === 0) {
        for (const [index, { lane }] of open.entries()) quotas.set(lane, parts[index] ?? 0);
        return quotas;
      }
      for (const { lane, floor } of low) quotas.set(lane, floor);
      left = Math.max(0, left - [...low].reduce((sum, { floor }) => sum + floor, 0));
      open = open.filter((one) => !low.has(one));
    }
  }

  /** What stays free for a lane: one place for each dispatcher; urgent batches do not wait for a bulk one to end. */
  #floor({ express }: LaneSetting, total: number, lanes: number): number {
    const dispatchers = Math.max(1, this.leases.all.length);
    if (!express) return dispatchers;
    const wanted = Math.max(2, Math.floor(total / EXPRESS_PART));
    return Math.max(dispatchers, Math.min(wanted, total - dispatchers * (lanes - 1)));
  }

  #dueOf(one: WindowLease, mine: LanePlaces, quota: number): number {
    const holders = this.leases.all.filter(({ lanes }) => lanes.some(({ lane }) => lane === mine.lane));
    const parts = divideWhole(
      quota,
      holders.map(({ lanes }) => {
        const demand = lanes.find(({ lane }) => lane === mine.lane);
        return { weight: 1, most: demand?.wants ? quota : Math.max(1, demand?.open ?? 0) };
      }),
    );
    return parts[holders.indexOf(one)] ?? 0;
  }

  #of(name: string): LanePlaces[] {
    return this.leases.all.flatMap(({ lanes }) => lanes.filter(({ lane }) => lane === name));
  }

  /** By all other lanes and dispatchers, or by the other dispatchers of a lane. */
  #takenBeside(mine: LanePlaces, lane?: string): number {
    return this.leases.all
      .flatMap(({ lanes }) => lanes)
      .filter((other) => other !== mine && (lane === undefined || other.lane === lane))
      .reduce((sum, other) => sum + takenOf(other), lane === undefined ? this.leases.leftOpen : 0);
  }
}
