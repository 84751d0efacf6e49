import { Allowance, type DayAllowance } from './allowance.js';
import { Flow } from './flow.js';

/** What a child could run now: prepared images, at most one model run of them. */
export interface Wanted {
  express: number;
  bulk: number;
}

/**
 * `count` images may run now, express ones first; `atMs`: as of when, milliseconds since the epoch. Those of them that do
 * not run, because nobody waits for them any more, are `unused`: the day's allowance has them again.
 */
export type Grant = (count: number, atMs: number, unused: (images: number) => void) => void;

interface Request extends Wanted {
  grant: Grant;
  sinceMs: number;
}

export interface PacerOptions {
  /** Longest that a request waits for tokens to fill its run once there is one; milliseconds. Default 0. */
  fillMs?: number;
  /** Monotonic, milliseconds. Default performance.now. */
  now?: () => number;
}

/** What a detector is told about its pacer. */
export interface PacerEvents {
  /** Nothing has to be asked for any more, or everything has. */
  free: (isFree: boolean) => void;
  /** The allowance of the day gets short while images wait, or has some again: who gives it should know soon. */
  low: () => void;
}

/**
 * The one gate to the model of a detector, at the point of inference: a child asks when it is about to run, and runs what
 * it is granted, at once. Goes at the rate of a lease and stops when it ends; express images first, then in the order of
 * asking. While neither rate nor allowance bounds it, it is free: then nobody asks, and what ran is counted afterwards.
 */
export class Pacer {
  readonly #now: () => number;
  readonly #fillMs: number;
  readonly #flow: Flow;
  readonly #allowance: Allowance;
  readonly #requests = new Map<Grant, Request>();
  readonly #events = new Set<Partial<PacerEvents>>();
  #timer: NodeJS.Timeout | undefined;
  #isFree = false;
  #lowAt = Infinity;
  #granted = 0;
  /** Since when images wait and none was granted. */
  #starvedSinceMs: number | undefined;

  constructor({ fillMs = 0, now = () => performance.now() }: PacerOptions = {}) {
    this.#now = now;
    this.#fillMs = fillMs;
    this.#flow = new Flow(1, now);
    this.#allowance = new Allowance(now);
  }

  /** Sets the size of one model run. */
  setDepth(images: number): void {
    this.#flow.depth = images;
  }

  /** Goes at so many images a second (Infinity: no limit) until `untilMs` by the monotonic clock. */
  lease(imagesPerSecond: number, untilMs: number): void {
    // What came at the old rate is given at the old rate.
    this.#serve();
    this.#flow.set(imagesPerSecond, untilMs);
    this.#serve();
  }

  allow(allowance: DayAllowance): void {
    this.#allowance.set(allowance);
    const { left } = this.#allowance;
    this.#lowAt = left === Infinity ? -1 : left / 3;
    this.#serve();
  }

  /** Gives back what is left of the allowance. */
  release(): void {
    this.#allowance.release();
  }

  /** Images a second by now; 0 without a lease. */
  get rate(): number {
    return this.#flow.rate;
  }

  get isFree(): boolean {
    return this.#isFree;
  }

  get account(): { day: string; used: number; limit: number } {
    return this.#allowance.account;
  }

  /** Images that the allowance of the day still lets run. */
  get left(): number {
    return this.#allowance.left;
  }

  /** Images that were granted or ran freely, since the beginning. */
  get granted(): number {
    return this.#granted;
  }

  /** Images that children have ready. */
  get waiting(): Wanted {
    const waiting = { express: 0, bulk: 0 };
    for (const { express, bulk } of this.#requests.values()) {
      waiting.express += express;
      waiting.bulk += bulk;
    }
    return waiting;
  }

  /** How long images have waited without one being granted; 0 while none waits. Milliseconds. */
  get starvedMs(): number {
    return this.#starvedSinceMs === undefined ? 0 : this.#now() - this.#starvedSinceMs;
  }

  /** Tells of changes until the function that it returns is called; tells of the present state at once. */
  watch(events: Partial<PacerEvents>): () => void {
    this.#events.add(events);
    events.free?.(this.#isFree);
    return () => this.#events.delete(events);
  }

  /** Asks for a run, in place of what was asked for with this callback before; `grant` is called once. */
  request(wanted: Wanted, grant: Grant): void {
    const before = this.#requests.get(grant);
    if (wanted.express + wanted.bulk === 0) {
      this.withdraw(grant);
      return;
    }
    this.#requests.set(grant, { ...wanted, grant, sinceMs: before?.sinceMs ?? this.#now() });
    this.#starvedSinceMs ??= this.#now();
    this.#serve();
  }

  withdraw(grant: Grant): void {
    this.#requests.delete(grant);
    if (this.#requests.size === 0) this.#starvedSinceMs = undefined;
  }

  /** So many images ran while it was free. */
  ran(images: number): void {
    this.#use(images);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#events.clear();
    this.#requests.clear();
  }

  #serve(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellFree();
    for (;;) {
      const next = this.#next();
      if (next === undefined) break;
      const waitMs = this.#tryGrant(next);
      if (waitMs === undefined) continue;
      if (waitMs !== Infinity) this.#timer = setTimeout(() => this.#serve(), Math.max(1, Math.ceil(waitMs)));
      return;
    }
    // A free pacer has no request that would find out that its lease has run out.
    if (this.#isFree) this.#timer = setTimeout(() => this.#serve(), this.#msOfLease());
  }

  /** Of those that the allowance lets run, one with express images; else the one that waits longest. */
  #next(): Request | undefined {
    const allowed = [...this.#requests.values()].filter((request) => this.#allowance.allows(request) > 0);
    return allowed.find(({ express }) => express > 0) ?? allowed[0];
  }

  /** Grants, or returns how long to wait. */
  #tryGrant(request: Request): number | undefined {
    const fillMs = request.express > 0 ? 0 : this.#fillMs;
    const taken = this.#flow.take(this.#allowance.allows(request), request.sinceMs, fillMs);
    if ('waitMs' in taken) return taken.waitMs;
    const { count, atMs } = taken;
    this.#requests.delete(request.grant);
    this.#starvedSinceMs = this.#requests.size === 0 ? undefined : this.#now();
    this.#use(count);
    const { day } = this.#allowance.account;
    request.grant(count, Math.round(Date.now() - (this.#now() - atMs)), (images) => this.#giveBack(images, day));
    return undefined;
  }

  #giveBack(images: number, day: string): void {
    if (images === 0 || day !== this.#allowance.account.day || !this.#allowance.hasCeiling) return;
    this.#allowance.use(-images);
    this.#tellLow();
    this.#serve();
  }

  #use(images: number): void {
    this.#granted += images;
    this.#allowance.use(images);
    if (this.#allowance.left > this.#lowAt) return;
    this.#lowAt = -1;
    this.#tellLow();
  }

  #tellLow(): void {
    for (const { low } of this.#events) low?.();
  }

  #tellFree(): void {
    const isFree = this.#flow.rate === Infinity && !this.#allowance.hasCeiling;
    if (isFree === this.#isFree) return;
    this.#isFree = isFree;
    for (const { free } of this.#events) free?.(isFree);
  }

  #msOfLease(): number {
    const ms = this.#flow.untilMs - this.#now();
    return Math.max(1, Math.min(2 ** 31 - 1, Math.ceil(ms)));
  }
}
