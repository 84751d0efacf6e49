import type { LaneSetting } from '../../../../src/domain/index.js';
import type { Random } from '../../../../src/scenes/random.js';
import { WindowPlaces, type WindowBounds } from '../../../../src/workflows/capacity/window.js';

const LEASE_MS = 30_000;
/** A step of the simulated time. */
export const TICK_MS = 100;
/** The session of a consumer and a rebalance: then the partitions of one that was killed are another's. */
const TAKEN_OVER_MS = 18_000;
/** A dispatcher waits so long for an answer. */
const PATIENCE_MS = 5_000;

interface Trip {
  sentMs: number;
  /** When the request is there; when the answer is back, Infinity: lost. */
  thereMs: number;
  backMs: number;
  request: {
    seq: number;
    lanes: { lane: string; open: number; places: number; wants: boolean; partitions: number; of: number }[];
  };
  answer?: { lanes: { lane: string; places: number }[]; isUnsettled: boolean };
}

export interface Dispatcher {
  holder: string;
  seq: number;
  goodUntilMs: number;
  places: Map<string, number>;
  open: Map<string, number>;
  /** Lanes that have a backlog. */
  busy: Set<string>;
  askAtMs: number;
  /** Its last request was lost. */
  isUnheard: boolean;
  trip?: Trip | undefined;
  isDead: boolean;
  diedMs: number;
}

export interface Faults {
  /** Of requests, and of answers; of two requests of a dispatcher one arrives. */
  lost: number;
  /** Longest way of a request or an answer; milliseconds. */
  delayMs: number;
}

/** Dispatchers, and the places that they lease, in a time of their own. */
export class WindowFleet {
  readonly places = new WindowPlaces([]);
  readonly dispatchers: Dispatcher[] = [];
  /** Batches that were started, by lane. */
  readonly started = new Map<string, number>();
  nowMs = 0;
  /** Nobody answers. */
  isAway = false;
  #names = 0;

  constructor(
    readonly bounds: WindowBounds & { lanes: LaneSetting[] },
    private readonly random: Random,
    private readonly faults: Faults,
    /** Of an open batch, to end in one step. */
    private readonly endChance = 0.02,
  ) {}

  add(busy: readonly string[]): Dispatcher {
    this.#names += 1;
    const one: Dispatcher = {
      ...{ holder: `dispatcher-${this.#names}`, seq: 0, goodUntilMs: 0, askAtMs: this.nowMs, isDead: false, diedMs: 0 },
      isUnheard: false,
      ...{ places: new Map<string, number>(), open: new Map<string, number>(), busy: new Set(busy) },
    };
    this.dispatchers.push(one);
    return one;
  }

  /** Killed: what it had open goes on, and another counts it before its lease has run out. */
  kill(one: Dispatcher): void {
    one.isDead = true;
    one.diedMs = this.nowMs;
  }

  /** Ends in order, with nothing open. */
  leave(one: Dispatcher): void {
    one.open.clear();
    this.places.leases.delete(one.holder);
    this.dispatchers.splice(this.dispatchers.indexOf(one), 1);
  }

  step(): void {
    this.nowMs += TICK_MS;
    // Nothing goes by while nobody asks: the workflow has no timer.
    if (!this.isAway) this.places.leases.expire(this.nowMs);
    for (const one of [...this.dispatchers]) {
      if (one.isDead) {
        if (this.nowMs - one.diedMs >= TAKEN_OVER_MS) this.#takeOver(one);
        continue;
      }
      this.#travel(one);
      this.#work(one);
      this.#ask(one);
    }
  }

  usable(one: Dispatcher, lane: string): number {
    return !one.isDead && this.nowMs < one.goodUntilMs ? (one.places.get(lane) ?? 0) : 0;
  }

  openIn(lane: string): number {
    return this.dispatchers.reduce((sum, one) => sum + (one.open.get(lane) ?? 0), 0);
  }

  /** Places that are usable or have an open batch, of all dispatchers and lanes. */
  taken(): number {
    return this.dispatchers.reduce(
      (sum, one) =>
        sum +
        this.bounds.lanes.reduce((of, { lane }) => of + Math.max(this.usable(one, lane), one.open.get(lane) ?? 0), 0),
      0,
    );
  }

  /** The broker has given the partitions of a dead dispatcher to another, which counts their batches and says so. */
  #takeOver(dead: Dispatcher): void {
    const heir = this.dispatchers.find(({ isDead }) => !isDead);
    if (heir === undefined) return;
    for (const [lane, open] of dead.open) heir.open.set(lane, (heir.open.get(lane) ?? 0) + open);
    heir.askAtMs = this.nowMs;
    this.dispatchers.splice(this.dispatchers.indexOf(dead), 1);
  }

  #work(one: Dispatcher): void {
    for (const { lane } of this.bounds.lanes) {
      let open = one.open.get(lane) ?? 0;
      for (let batch = open; batch > 0; batch -= 1) if (this.random.between(0, 1) < this.endChance) open -= 1;
      if (one.busy.has(lane))
        for (; open < this.usable(one, lane); open += 1) this.started.set(lane, (this.started.get(lane) ?? 0) + 1);
      one.open.set(lane, open);
    }
  }

  #ask(one: Dispatcher): void {
    if (one.trip !== undefined || this.nowMs < one.askAtMs) return;
    one.seq += 1;
    const lanes = this.bounds.lanes.map(({ lane }) => ({
      ...{
        lane,
        open: one.open.get(lane) ?? 0,
        places: this.usable(one, lane),
        wants: one.busy.has(lane),
        partitions: 0,
        of: 0,
      },
    }));
    const isLost = (): boolean => this.random.between(0, 1) < this.faults.lost;
    const way = (): number => this.random.between(0, this.faults.delayMs);
    one.isUnheard = !one.isUnheard && isLost();
    const thereMs = one.isUnheard ? Infinity : this.nowMs + way();
    const backMs = isLost() ? Infinity : thereMs + way();
    one.trip = { sentMs: this.nowMs, thereMs, backMs, request: { seq: one.seq, lanes } };
  }

  #travel(one: Dispatcher): void {
    const { trip } = one;
    if (trip === undefined) return;
    if (trip.answer === undefined && trip.thereMs <= this.nowMs && !this.isAway) {
      const request = { holder: one.holder, revision: 0, ...trip.request };
      this.places.leases.check(request);
      trip.answer = this.places.ask(request, this.bounds, this.nowMs + LEASE_MS);
    }
    if (trip.answer !== undefined && trip.backMs <= this.nowMs) {
      const before = one.places;
      one.places = new Map(trip.answer.lanes.map(({ lane, places }) => [lane, places]));
      one.goodUntilMs = trip.sentMs + LEASE_MS;
      const isLess = [...one.places].some(([lane, places]) => places < (before.get(lane) ?? 0));
      one.askAtMs = this.nowMs + (isLess ? 300 : trip.answer.isUnsettled ? 500 : LEASE_MS / 3);
      one.trip = undefined;
    } else if (this.nowMs - trip.sentMs > PATIENCE_MS) {
      one.trip = undefined;
      one.askAtMs = this.nowMs + 1_000;
    }
  }
}
