import type { LaneDemand, LaneSetting, WindowRequest, WindowState } from '../../domain/index.js';
import { divideWhole, type Claim } from './divide.js';
import { Leases, type Lease } from './leases.js';

/** Open batches for each slot of the detectors: one at work, and two that wait for it. */
const BATCHES_PER_SLOT = 3;
/** Slots that are counted on while no detector has a share. */
const SLOTS_UNKNOWN = 4;

interface LanePlaces extends LaneDemand {
  /** What it was answered. */
  granted: number;
}

export interface WindowLease extends Lease {
  lanes: LanePlaces[];
}

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
  readonly leases: Leases<WindowLease>;

  constructor(leases: readonly WindowLease[]) {
    this.leases = new Leases(leases);
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
      const due = this.#dueOf(one, mine, quotas.get(mine.lane) ?? 0);
      mine.granted = Math.max(0, Math.min(due, total - this.#takenBeside(mine)));
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

  #quotas(total: number, bounds: WindowBounds): Map<string, number> {
    const running = bounds.lanes.filter((lane) => bounds.stopOf(lane) === undefined);
    const claims = running.map((setting): Claim => {
      const of = this.#of(setting.lane);
      const used = of.some(({ wants }) => wants) ? total : of.reduce((sum, { open }) => sum + open, 0);
      return { weight: setting.weight, most: Math.max(used, this.#floor(setting, total)) };
    });
    const floors = running.map((setting) => this.#floor(setting, total));
    const left = Math.max(0, total - floors.reduce((sum, floor) => sum + floor, 0));
    const above = divideWhole(
      left,
      claims.map(({ weight, most }, index) => ({ weight, most: most - (floors[index] ?? 0) })),
    );
    return new Map(running.map(({ lane }, index) => [lane, (floors[index] ?? 0) + (above[index] ?? 0)]));
  }

  /** What stays free for a lane: one place for each dispatcher; urgent batches do not wait for a bulk one to end. */
  #floor({ express }: LaneSetting, total: number): number {
    const dispatchers = Math.max(1, this.leases.all.length);
    return express ? Math.max(dispatchers, Math.min(2, total), Math.floor(total / 6)) : dispatchers;
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

  #takenBeside(mine: LanePlaces): number {
    return this.leases.all
      .flatMap(({ lanes }) => lanes)
      .filter((other) => other !== mine)
      .reduce((sum, { granted, places, open }) => sum + Math.max(granted, places, open), 0);
  }
}
