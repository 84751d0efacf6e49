import type { Budget, BudgetState, ShareReply, ShareRequest } from '../../domain/index.js';
import { localDay, type LocalDay } from '../../domain/day.js';

/** Images that a detector without a known rate is given at a time, at least. */
const CHUNK_IMAGES = 64;
/** Most lost detectors that are remembered one by one; a detector that comes back has its images again. */
const MAX_LOST = 500;

interface Account {
  holder: string;
  model: string;
  used: number;
  limit: number;
}

export interface BudgetSnapshot {
  day: LocalDay | null;
  used: number;
  /** In the currency. */
  spent: number;
  /** Of `used`, images whose price was not known when they were used: they cost what one costs now. */
  unpriced: number;
  accounts: Account[];
  lost: Account[];
  /** Limits of lost detectors that are not remembered one by one. */
  lostBefore: number;
}

export const NO_BUDGET_USED: BudgetSnapshot = {
  ...{ day: null, used: 0, spent: 0, unpriced: 0, accounts: [], lost: [], lostBefore: 0 },
};

/** What it needs to know of the fleet. */
export interface Fleet {
  serving: number;
  /** Price of one image of a model; undefined where it is not known. */
  priceOf: (model: string) => number | undefined;
}

/**
 * The ceiling of a day, in images. Detectors are given images in chunks and say how many they have used; what is given
 * counts as used until they give it back. So the ceiling is never passed, and of a detector that is lost at most its
 * chunk is missing.
 */
export class BudgetAccounts {
  #day: LocalDay | null;
  #used: number;
  #spent: number;
  #unpriced: number;
  #lostBefore: number;
  readonly #accounts: Map<string, Account>;
  readonly #lost: Map<string, Account>;

  constructor(snapshot: BudgetSnapshot) {
    this.#day = snapshot.day;
    this.#used = snapshot.used;
    this.#spent = snapshot.spent;
    this.#unpriced = snapshot.unpriced;
    this.#lostBefore = snapshot.lostBefore;
    this.#accounts = new Map(snapshot.accounts.map((one) => [one.holder, one]));
    this.#lost = new Map(snapshot.lost.map((one) => [one.holder, one]));
  }

  /** A new day begins with nothing used. */
  turn(budget: Budget, nowMs: number): void {
    const day = localDay(nowMs, budget.timeZone);
    if (this.#day?.name === day.name) {
      this.#day = day;
      return;
    }
    this.#day = day;
    this.#used = 0;
    this.#spent = 0;
    this.#unpriced = 0;
    this.#lostBefore = 0;
    this.#lost.clear();
    for (const one of this.#accounts.values()) Object.assign(one, { used: 0, limit: 0 });
  }

  /** Books what a detector has used, and gives it more where there is more. Call `turn` before. */
  ask(
    request: ShareRequest,
    budget: Budget,
    fleet: Fleet,
    rate: number,
    nowMs: number,
    leaseMs: number,
  ): ShareReply['budget'] {
    const day = this.#day ?? localDay(nowMs, budget.timeZone);
    const account = this.#book(request, day, fleet);
    const reply = { day: day.name, endsInMs: Math.max(0, day.endsAtMs - nowMs), expressBeyond: budget.expressBeyond };
    const left = this.left(budget, fleet);
    if (left === null) {
      account.limit = account.used;
      return { ...reply, limit: null };
    }
    const wanted = chunkOf(request, rate, leaseMs) - (account.limit - account.used);
    const most = Math.ceil(left / Math.max(1, fleet.serving));
    account.limit += Math.max(0, Math.min(wanted, most, left));
    return { ...reply, limit: account.limit };
  }

  /** The detector is gone: what it may have used counts as used. */
  lose(holder: string): void {
    const account = this.#accounts.get(holder);
    if (account === undefined) return;
    this.#accounts.delete(holder);
    this.#lost.set(holder, account);
    const [oldest] = this.#lost.values();
    if (this.#lost.size <= MAX_LOST || oldest === undefined) return;
    this.#lost.delete(oldest.holder);
    this.#lostBefore += oldest.limit;
  }

  /** The detector has ended in order: what it did not use is free. */
  leave(holder: string): void {
    const account = this.#accounts.get(holder);
    if (account === undefined) return;
    this.lose(holder);
    account.limit = account.used;
  }

  /** Images that may still be given; null: no ceiling. */
  left(budget: Budget, fleet: Fleet): number | null {
    const byImages = budget.imagesPerDay === null ? Infinity : budget.imagesPerDay - this.committed;
    const left = Math.min(byImages, this.#leftByMoney(budget, fleet));
    return left === Infinity ? null : Math.max(0, Math.floor(left + 1e-9));
  }

  get committed(): number {
    return this.#lostBefore + this.#sum((one) => Math.max(one.limit, one.used));
  }

  /** Nothing is left, and detectors that live have used what they were given. */
  isExhausted(budget: Budget, fleet: Fleet): boolean {
    if (this.left(budget, fleet) !== 0) return false;
    return [...this.#accounts.values()].every(({ limit, used }) => limit <= used);
  }

  state(budget: Budget, fleet: Fleet, model: string, nowMs: number): Omit<BudgetState, 'from'> {
    const day = this.#day ?? localDay(nowMs, budget.timeZone);
    const price = fleet.priceOf(model);
    return {
      ...budget,
      day: day.name,
      dayEndsAtMs: day.endsAtMs,
      used: this.#used,
      committed: this.committed,
      left: this.left(budget, fleet),
      spent: this.#unpriced === 0 ? this.#spent : price === undefined ? null : this.#spent + this.#unpriced * price,
      pricePerImage: price ?? null,
      exhausted: this.isExhausted(budget, fleet),
    };
  }

  snapshot(): BudgetSnapshot {
    return {
      ...{
        day: this.#day,
        used: this.#used,
        spent: this.#spent,
        unpriced: this.#unpriced,
        lostBefore: this.#lostBefore,
      },
      accounts: [...this.#accounts.values()],
      lost: [...this.#lost.values()],
    };
  }

  #book({ holder, model, budget }: ShareRequest, day: LocalDay, fleet: Fleet): Account {
    const known = this.#accounts.get(holder) ?? this.#lost.get(holder) ?? { holder, model, used: 0, limit: 0 };
    this.#lost.delete(holder);
    this.#accounts.set(holder, known);
    const isToday = budget.day === day.name;
    const used = isToday ? Math.max(known.used, budget.used) : known.used;
    const more = used - known.used;
    const price = fleet.priceOf(model);
    this.#used += more;
    if (price === undefined) this.#unpriced += more;
    else this.#spent += more * price;
    known.used = used;
    // What the detector goes by is the truth: an answer that it did not get is void. Of another day it has nothing.
    known.limit = isToday ? Math.max(budget.limit, used) : used;
    return known;
  }

  #leftByMoney({ moneyPerDay }: Budget, fleet: Fleet): number {
    if (moneyPerDay === null) return Infinity;
    const accounts = [...this.#accounts.values(), ...this.#lost.values()];
    if (accounts.length === 0) return Infinity;
    let money = moneyPerDay - this.#spent;
    let dearest = 0;
    for (const { model, limit, used } of accounts) {
      const price = fleet.priceOf(model);
      // Nobody can say what it would cost, so it is not spent.
      if (price === undefined) return 0;
      dearest = Math.max(dearest, price);
      money -= Math.max(0, limit - used) * price;
    }
    return dearest === 0 ? Infinity : (money - this.#unpriced * dearest) / dearest;
  }

  #sum(value: (account: Account) => number): number {
    return [...this.#accounts.values(), ...this.#lost.values()].reduce((sum, one) => sum + value(one), 0);
  }
}

/** Images that a detector may have in hand: what it can use until it asks again, and once more. */
function chunkOf({ waiting }: ShareRequest, rate: number, leaseMs: number): number {
  if (rate === 0) return 0;
  const byRate = rate === Infinity ? CHUNK_IMAGES * 16 : Math.ceil((rate * leaseMs) / 1000);
  return waiting.express + waiting.bulk > 0 ? Math.max(1, byRate) : Math.min(byRate, CHUNK_IMAGES);
}
