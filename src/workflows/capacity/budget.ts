import type { Budget, BudgetState, ShareReply, ShareRequest } from '../../domain/index.js';
import { localDay, type LocalDay } from '../../domain/day.js';

/** Images that a detector without a known rate, or without work, is given at a time. */
const CHUNK_IMAGES = 64;
/** Most lost detectors that are remembered one by one; a detector that comes back has its images again. */
const MAX_LOST = 500;

interface Account {
  holder: string;
  model: string;
  used: number;
  /** How many it may, by what it said and by what it was answered, whichever is more. */
  limit: number;
  /** Money that is set aside for `limit - used`, at the price when they were given; 0 where it was not known. */
  reserved: number;
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
  /** Limits of lost detectors that are not remembered one by one, and the money set aside for them. */
  lostBefore: { limit: number; reserved: number };
  /** Price of one image by model, as it was last known. */
  prices: Record<string, number>;
}

export const NO_BUDGET_USED: BudgetSnapshot = {
  ...{ day: null, used: 0, spent: 0, unpriced: 0, accounts: [], lost: [], prices: {} },
  lostBefore: { limit: 0, reserved: 0 },
};

/** What it needs to know of the fleet. */
export interface Fleet {
  serving: number;
  /** Price of one image of a model; undefined where it is not known. */
  priceOf: (model: string) => number | undefined;
}

/**
 * The ceiling of a day, in images and in money. Detectors are given images in chunks and say how many they have used;
 * what is given counts as used until they say that they may use less. So the ceiling is never passed, and of a detector
 * that is lost at most its chunk is missing. A ceiling that is lowered below what was given takes back what is not used.
 */
export class BudgetAccounts {
  #day: LocalDay | null;
  #used: number;
  #spent: number;
  #unpriced: number;
  #lostBefore: { limit: number; reserved: number };
  readonly #accounts: Map<string, Account>;
  readonly #lost: Map<string, Account>;
  readonly #prices: Map<string, number>;

  constructor(snapshot: BudgetSnapshot) {
    this.#day = snapshot.day;
    this.#used = snapshot.used;
    this.#spent = snapshot.spent;
    this.#unpriced = snapshot.unpriced;
    this.#lostBefore = snapshot.lostBefore;
    this.#accounts = new Map(snapshot.accounts.map((one) => [one.holder, { ...one }]));
    this.#lost = new Map(snapshot.lost.map((one) => [one.holder, { ...one }]));
    this.#prices = new Map(Object.entries(snapshot.prices));
  }

  /**
   * A new day begins with nothing used. A day never begins twice: where the clock or the time zone goes back to an
   * earlier date, the day that has begun goes on until the date is past.
   */
  turn(budget: Budget, nowMs: number): void {
    let day = localDay(nowMs, budget.timeZone);
    const begun = this.#day?.name ?? '';
    // Two zones are two dates apart at most; a clock that was wrong by more than that is put right.
    for (let dates = 0; day.name < begun && dates < 2; dates += 1) day = localDay(day.endsAtMs, budget.timeZone);
    if (day.name === begun) {
      this.#day = day;
      return;
    }
    day = localDay(nowMs, budget.timeZone);
    this.#day = day;
    this.#used = 0;
    this.#spent = 0;
    this.#unpriced = 0;
    this.#lostBefore = { limit: 0, reserved: 0 };
    this.#lost.clear();
    for (const one of this.#accounts.values()) Object.assign(one, { used: 0, limit: 0, reserved: 0 });
    const models = new Set([...this.#accounts.values()].map(({ model }) => model));
    for (const model of this.#prices.keys()) if (!models.has(model)) this.#prices.delete(model);
  }

  /** Books what a detector has used, and gives it more where there is more. Call `turn` before. */
  ask(
    request: ShareRequest,
    budget: Budget,
    fleet: Fleet,
    rate: number,
    nowMs: number,
    leaseMs: number,
  ): Omit<ShareReply['budget'], 'exhausted'> {
    const day = this.#day ?? localDay(nowMs, budget.timeZone);
    const known = fleet.priceOf(request.model);
    if (known !== undefined) this.#prices.set(request.model, known);
    const price = this.#priceOf(request.model, fleet);
    const { account, more } = this.#book(request, day, known, price);
    const reply = { day: day.name, endsInMs: Math.max(0, day.endsAtMs - nowMs), expressBeyond: budget.expressBeyond };
    const left = this.#leftFor(request.model, budget, fleet);
    if (left === Infinity) {
      Object.assign(account, { limit: account.used, reserved: 0 });
      return { ...reply, limit: null };
    }
    const inHand = account.limit - account.used;
    const most = Math.max(0, inHand + left);
    const isIdle = request.waiting.express + request.waiting.bulk + more === 0;
    const serving = Math.max(1, fleet.serving);
    // One without work keeps a fair part of the last images at most: they are for those that have some.
    const fair = isIdle ? Math.floor(most / serving) : inHand + Math.ceil(Math.max(0, left) / serving);
    const next = Math.min(chunkOf(request, more, rate, leaseMs), most, fair);
    // What is taken back counts until the detector says that it goes by less.
    account.reserved += Math.max(0, next - inHand) * (price ?? 0);
    account.limit = account.used + Math.max(inHand, next);
    return { ...reply, limit: account.used + next };
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
    this.#lostBefore = {
      limit: this.#lostBefore.limit + oldest.limit,
      reserved: this.#lostBefore.reserved + oldest.reserved,
    };
  }

  /** The detector has ended in order: what it did not use is free. */
  leave(holder: string): void {
    const account = this.#accounts.get(holder);
    if (account === undefined) return;
    Object.assign(account, { limit: account.used, reserved: 0 });
    this.lose(holder);
  }

  get committed(): number {
    return this.#lostBefore.limit + this.#sum(({ limit }) => limit);
  }

  /** Nothing is left for any detector that lives, and they have used what they were given. */
  isExhausted(budget: Budget, fleet: Fleet): boolean {
    const live = [...this.#accounts.values()];
    if (live.length === 0) return this.#leftFor(undefined, budget, fleet) <= 0;
    return live.every(({ model, limit, used }) => limit <= used && this.#leftFor(model, budget, fleet) <= 0);
  }

  /** `model`: the one whose images are priced, and are left. */
  state(budget: Budget, fleet: Fleet, model: string, nowMs: number): Omit<BudgetState, 'from'> {
    const day = this.#day ?? localDay(nowMs, budget.timeZone);
    const price = fleet.priceOf(model);
    const isPriced = price !== undefined || this.#accounts.size > 0;
    const left = this.#leftFor(isPriced ? model : undefined, budget, fleet);
    return {
      ...budget,
      day: day.name,
      dayEndsAtMs: day.endsAtMs,
      used: this.#used,
      committed: this.committed,
      left: left === Infinity ? null : Math.max(0, left),
      spent: this.#unpriced === 0 ? this.#spent : price === undefined ? null : this.#spent + this.#unpriced * price,
      pricePerImage: price ?? null,
      exhausted: this.isExhausted(budget, fleet),
    };
  }

  snapshot(): BudgetSnapshot {
    return {
      ...{ day: this.#day, used: this.#used, spent: this.#spent, unpriced: this.#unpriced },
      lostBefore: this.#lostBefore,
      accounts: [...this.#accounts.values()].map((one) => ({ ...one })),
      lost: [...this.#lost.values()].map((one) => ({ ...one })),
      prices: Object.fromEntries(this.#prices),
    };
  }

  /** `price` is that of an image now, `reservePrice` the last that is known. */
  #book(
    { holder, model, budget }: ShareRequest,
    day: LocalDay,
    price: number | undefined,
    reservePrice: number | undefined,
  ): { account: Account; more: number } {
    const account = this.#accounts.get(holder) ?? this.#lost.get(holder) ?? newAccount(holder, model);
    this.#lost.delete(holder);
    this.#accounts.set(holder, account);
    const isToday = budget.day === day.name;
    // Less than before where what it was let run has not run.
    const used = isToday ? budget.used : account.used;
    const more = used - account.used;
    const unused = Math.max(0, -more);
    const reserved = account.reserved + this.#takeBack(unused);
    const each = reserved > 0 ? reserved / (account.limit - account.used + unused) : price;
    const ran = Math.max(0, more);
    if (each === undefined) this.#unpriced += ran;
    else this.#spent += ran * each;
    this.#used += more;
    account.used = used;
    // What the detector goes by is the truth: an answer that it did not get is void. Of another day it has nothing.
    account.limit = isToday ? Math.max(budget.limit, used) : used;
    account.reserved = (account.limit - used) * (each ?? reservePrice ?? 0);
    return { account, more };
  }

  /** Takes unused images out of what is spent, those without a price first, then at what one cost on average; returns the money. */
  #takeBack(images: number): number {
    const unpriced = Math.min(images, this.#unpriced);
    const priced = this.#used - this.#unpriced;
    const money = priced > 0 ? ((images - unpriced) / priced) * this.#spent : 0;
    this.#unpriced -= unpriced;
    this.#spent -= money;
    return money;
  }

  /** Images of a model that may still be given, below 0 where more was given; Infinity: there is no ceiling. */
  #leftFor(model: string | undefined, budget: Budget, fleet: Fleet): number {
    const byImages = budget.imagesPerDay === null ? Infinity : budget.imagesPerDay - this.committed;
    const left = Math.min(byImages, this.#leftByMoney(model, budget, fleet));
    return left === Infinity ? Infinity : Math.floor(left + 1e-9);
  }

  #leftByMoney(model: string | undefined, { moneyPerDay }: Budget, fleet: Fleet): number {
    if (moneyPerDay === null) return Infinity;
    const dearest = Math.max(0, ...this.#prices.values());
    const money =
      moneyPerDay -
      this.#spent -
      this.#unpriced * dearest -
      this.#lostBefore.reserved -
      this.#sum(({ reserved }) => reserved);
    if (model === undefined) return money > 0 ? Infinity : 0;
    const price = this.#priceOf(model, fleet);
    // Nobody can say what it would cost, so it is not spent.
    if (price === undefined) return 0;
    return price === 0 ? Infinity : money / price;
  }

  /** As it was last known: while one detector has not measured itself the others go on. */
  #priceOf(model: string, fleet: Fleet): number | undefined {
    return fleet.priceOf(model) ?? this.#prices.get(model);
  }

  #sum(value: (account: Account) => number): number {
    return [...this.#accounts.values(), ...this.#lost.values()].reduce((sum, one) => sum + value(one), 0);
  }
}

function newAccount(holder: string, model: string): Account {
  return { holder, model, used: 0, limit: 0, reserved: 0 };
}

/** Images that a detector may have in hand: what it can use until its lease ends, or twice what it used since it asked. */
function chunkOf({ waiting }: ShareRequest, more: number, rate: number, leaseMs: number): number {
  if (rate === 0) return 0;
  const byRate = rate === Infinity ? CHUNK_IMAGES * 16 : Math.max(1, Math.ceil((rate * leaseMs) / 1000));
  return waiting.express + waiting.bulk > 0 ? byRate : Math.min(byRate, Math.max(CHUNK_IMAGES, 2 * more));
}
