import { describe, expect, it } from 'vitest';
import type { Budget, ShareReply, ShareRequest } from '../../../../src/domain/index.js';
import { BudgetAccounts, NO_BUDGET_USED, type Fleet } from '../../../../src/workflows/capacity/budget.js';

type Answer = Omit<ShareReply['budget'], 'exhausted'>;

const NOON = Date.parse('2026-03-28T12:00:00Z');
const LEASE_MS = 30_000;
const BUDGET: Budget = {
  ...{ imagesPerDay: 1_000, moneyPerDay: null, pricePerDetectorHour: null },
  ...{ currency: 'EUR', timeZone: 'Europe/Berlin', expressBeyond: false },
};

/** A detector as the accounts see it: it uses what it may, and goes by the last answer that it got. */
class Detector {
  seq = 0;
  day = '';
  used = 0;
  limit: number | null = 0;
  waiting = 1_000;

  constructor(
    readonly holder: string,
    readonly model = 'shapes',
  ) {}

  request(): ShareRequest {
    return {
      ...{ holder: this.holder, seq: ++this.seq, model: this.model, most: 10, slots: 4, rate: 10, revision: 1 },
      budget: { day: this.day, used: this.used, limit: this.limit ?? this.used },
      waiting: { express: 0, bulk: this.waiting },
    };
  }

  take({ day, limit }: Answer): void {
    if (day !== this.day) this.used = 0;
    this.day = day;
    this.limit = limit;
  }

  /** Images that it may detect of `wanted`. */
  use(wanted: number): number {
    const images = Math.min(wanted, Math.max(0, (this.limit ?? Infinity) - this.used));
    this.used += images;
    return images;
  }
}

/** Accounts with a clock, a budget and prices that a test changes. */
class Desk {
  accounts = new BudgetAccounts(NO_BUDGET_USED);
  nowMs = NOON;
  budget = { ...BUDGET };
  serving = 1;
  prices: Record<string, number | undefined> = {};

  get fleet(): Fleet {
    return { serving: this.serving, priceOf: (model) => this.prices[model] };
  }

  ask(detector: Detector, options: { rate?: number; isLost?: boolean } = {}): Answer {
    this.accounts.turn(this.budget, this.nowMs);
    const request = detector.request();
    const reply = this.accounts.ask(request, this.budget, this.fleet, options.rate ?? 10, this.nowMs, LEASE_MS);
    if (!options.isLost) detector.take(reply);
    return reply;
  }

  get state() {
    this.accounts.turn(this.budget, this.nowMs);
    return this.accounts.state(this.budget, this.fleet, 'shapes', this.nowMs);
  }
}

describe('the ceiling of a day', () => {
  it('is given in chunks of what a detector can use until its lease ends; then it is exhausted', () => {
    const desk = new Desk();
    const one = new Detector('one');
    expect(desk.ask(one)).toMatchObject({ day: '2026-03-28', limit: 300, endsInMs: 11 * 3_600_000 });
    let detected = 0;
    for (let turns = 0; turns < 10; turns += 1) {
      detected += one.use(250);
      desk.ask(one);
    }
    expect(detected).toBe(1_000);
    expect(desk.state).toMatchObject({ used: 1_000, committed: 1_000, left: 0, exhausted: true });
  });

  it('begins anew at midnight of its zone, whatever was left in the hands of detectors', () => {
    const desk = new Desk();
    const one = new Detector('one');
    desk.ask(one);
    one.use(100);
    desk.nowMs = Date.parse('2026-03-28T22:59:59.999Z');
    expect(desk.ask(one)).toMatchObject({ day: '2026-03-28', endsInMs: 1 });
    one.use(20);
    desk.nowMs += 1;
    // What it says of yesterday is not of today; the day of the clock change has 23 hours.
    expect(desk.ask(one)).toMatchObject({ day: '2026-03-29', limit: 300, endsInMs: 23 * 3_600_000 });
    expect(desk.state).toMatchObject({ used: 0, committed: 300, left: 700, exhausted: false });
  });

  it('does not begin twice, where the clock or the zone goes back to the day before', () => {
    const desk = new Desk();
    const one = new Detector('one');
    desk.ask(one);
    one.use(300);
    desk.ask(one);
    desk.budget = { ...desk.budget, timeZone: 'Pacific/Kiritimati' };
    expect(desk.ask(one)).toMatchObject({ day: '2026-03-29', limit: 300 });
    one.use(300);
    desk.ask(one);
    desk.budget = { ...desk.budget, timeZone: 'America/Adak' };
    // There it is still the 28th: the 29th goes on until it is past there too.
    expect(desk.state).toMatchObject({ day: '2026-03-29', used: 300, dayEndsAtMs: Date.parse('2026-03-30T09:00:00Z') });
    desk.nowMs = Date.parse('2026-03-30T08:59:59.999Z');
    expect(desk.state.used).toBe(300);
    desk.nowMs += 1;
    expect(desk.state).toMatchObject({ day: '2026-03-30', used: 0 });
    desk.nowMs -= 90 * 86_400_000;
    expect(desk.state, 'a clock that was months ahead').toMatchObject({ day: '2025-12-29' });
  });

  it('counts the chunk of a lost detector as used, and gives it back to one that comes again', () => {
    const desk = new Desk();
    const one = new Detector('one');
    desk.ask(one);
    one.use(50);
    desk.accounts.lose('one');
    expect(desk.state).toMatchObject({ used: 0, committed: 300, left: 700, exhausted: false });
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 50, committed: 350, left: 650 });
    desk.ask(one);
    desk.accounts.leave('one');
    expect(desk.state).toMatchObject({ used: 50, committed: 50, left: 950 });
  });

  it('has again what a detector was let run and did not', () => {
    const desk = new Desk();
    const one = new Detector('one');
    for (let turns = 0; turns < 5; turns += 1) {
      desk.ask(one);
      one.use(300);
    }
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 1_000, left: 0, exhausted: true });
    one.used -= 5;
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 995, committed: 1_000, exhausted: false });
    expect(one.use(8)).toBe(5);
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 1_000, left: 0, exhausted: true });
  });

  it('remembers 500 lost detectors one by one, and the images and the money of the others', () => {
    const desk = new Desk();
    desk.budget = { ...BUDGET, imagesPerDay: 1e9, moneyPerDay: 1e9, pricePerDetectorHour: 1 };
    desk.prices = { shapes: 2 };
    for (let count = 0; count < 700; count += 1) {
      desk.ask(new Detector(`d${count}`));
      desk.accounts.lose(`d${count}`);
    }
    const { accounts, lost, lostBefore } = desk.accounts.snapshot();
    expect([accounts.length, lost.length, lostBefore]).toEqual([0, 500, { limit: 60_000, reserved: 120_000 }]);
    expect(desk.state.committed).toBe(210_000);
    desk.budget.moneyPerDay = 2 * 210_000;
    desk.ask(new Detector('last'));
    expect(desk.state).toMatchObject({ left: 0, committed: 210_000 });
  });

  it('takes back what an idle detector has not used, once it says so, and keeps it for one with work', () => {
    const desk = new Desk();
    desk.serving = 2;
    const [idle, busy] = [new Detector('idle'), new Detector('busy', 'other')];
    desk.ask(idle);
    idle.waiting = 0;
    let detected = 0;
    for (let turns = 0; turns < 40; turns += 1) {
      desk.ask(idle);
      desk.ask(busy);
      detected += busy.use(300);
    }
    expect(detected).toBe(1_000);
    desk.ask(busy);
    desk.ask(idle);
    expect(desk.state).toMatchObject({ left: 0, exhausted: true });
    expect(idle.use(1)).toBe(0);
  });

  it('does not swing where one idle detector is alone', () => {
    const desk = new Desk();
    desk.budget.imagesPerDay = 50;
    const one = new Detector('one');
    one.waiting = 0;
    expect([1, 2, 3].map(() => desk.ask(one).limit)).toEqual([50, 50, 50]);
  });

  it('gives one that stands by nothing, and takes its images back', () => {
    const desk = new Desk();
    const one = new Detector('one');
    expect(desk.ask(one).limit).toBe(300);
    expect(desk.ask(one, { rate: 0 }).limit).toBe(0);
    expect(desk.state.committed, 'until it says that it goes by it').toBe(300);
    desk.ask(one, { rate: 0 });
    expect(desk.state.committed).toBe(0);
  });

  it('may be raised and lowered in the day: what is not used is taken back', () => {
    const desk = new Desk();
    const one = new Detector('one');
    desk.ask(one);
    one.use(100);
    desk.budget.imagesPerDay = 150;
    expect(desk.ask(one).limit).toBe(150);
    expect(desk.state).toMatchObject({ committed: 300, left: 0 });
    desk.ask(one);
    expect(desk.state).toMatchObject({ committed: 150, left: 0, exhausted: false });
    one.use(100);
    desk.budget.imagesPerDay = 20;
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 150, left: 0, exhausted: true });
    desk.budget.imagesPerDay = 400;
    expect(desk.ask(one).limit).toBe(400);
    expect(desk.state.exhausted).toBe(false);
    desk.budget.imagesPerDay = null;
    expect(desk.ask(one).limit).toBeNull();
    expect(desk.state).toMatchObject({ left: null, exhausted: false });
  });

  it('of nothing is exhausted before anybody came', () => {
    const desk = new Desk();
    desk.budget.imagesPerDay = 0;
    expect(desk.state.exhausted).toBe(true);
    desk.budget = { ...BUDGET, imagesPerDay: null, moneyPerDay: 0, pricePerDetectorHour: 1 };
    expect(desk.state.exhausted).toBe(true);
    desk.budget.moneyPerDay = 1;
    expect(desk.state).toMatchObject({ exhausted: false, left: null });
  });
});

describe('a ceiling in money', () => {
  const inMoney = (moneyPerDay: number): Desk => {
    const desk = new Desk();
    desk.budget = { ...BUDGET, imagesPerDay: null, moneyPerDay, pricePerDetectorHour: 1 };
    return desk;
  };
  /** A detector that has used images before their price was known. */
  const withoutPrice = (images: number): { desk: Desk; one: Detector } => {
    const desk = inMoney(10);
    desk.budget.moneyPerDay = null;
    const one = new Detector('one');
    desk.ask(one);
    one.use(images);
    desk.ask(one);
    return { desk, one };
  };

  it('gives nothing to a model whose price is not known, and stops no other', () => {
    const desk = inMoney(10);
    desk.prices = { shapes: 0.1 };
    const [one, unknown] = [new Detector('one'), new Detector('two', 'unmeasured')];
    expect(desk.ask(unknown).limit).toBe(0);
    expect(desk.ask(one).limit).toBe(100);
    desk.prices = {};
    one.use(40);
    expect(desk.ask(one).limit, 'its price was known: a newcomer that is not measured does not stop it').toBe(100);
    expect(desk.state.exhausted).toBe(false);
  });

  it('holds as the price rises: what was given keeps the price of then', () => {
    const desk = inMoney(10);
    desk.prices = { shapes: 0.02 };
    const one = new Detector('one');
    expect(desk.ask(one).limit).toBe(300);
    desk.prices = { shapes: 0.1 };
    one.use(300);
    expect(desk.ask(one).limit).toBe(340);
    one.use(40);
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 340, left: 0, exhausted: true });
    expect(desk.state.spent).toBeCloseTo(10, 9);
  });

  it('counts images that had no price by the price that is known later', () => {
    const { desk, one } = withoutPrice(100);
    expect(desk.state).toMatchObject({ used: 100, spent: null, pricePerImage: null });
    desk.budget.moneyPerDay = 10;
    desk.prices = { shapes: 0.05 };
    expect(desk.ask(one).limit).toBe(200);
    expect(desk.state.spent).toBeCloseTo(5, 9);
  });

  it('has the money of unused images again: of those without a price none, of others what one cost on average', () => {
    const { desk, one } = withoutPrice(100);
    desk.prices = { shapes: 0.05 };
    one.use(100);
    desk.ask(one);
    expect(desk.state.spent).toBeCloseTo(10, 9);
    one.used -= 100;
    desk.ask(one);
    expect(desk.state.spent).toBeCloseTo(5, 9);
    one.used -= 50;
    desk.ask(one);
    expect(desk.state).toMatchObject({ used: 50 });
    expect(desk.state.spent).toBeCloseTo(2.5, 9);
  });

  it('is none where detectors cost nothing', () => {
    const desk = inMoney(10);
    desk.prices = { shapes: 0 };
    expect(desk.ask(new Detector('one')).limit).toBeNull();
  });
});

/** The same sequence on every run. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

describe('detectors that use images, lose answers, die, leave, come back and are idle', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('never pass the ceilings of a day: seed %i', (seed) => {
    const random = randomOf(seed);
    const isMoney = seed % 2 === 1;
    const desk = new Desk();
    const moneyPerDay = isMoney ? 25 : null;
    desk.budget = { ...BUDGET, imagesPerDay: 500 + Math.floor(random() * 3_000), moneyPerDay, pricePerDetectorHour: 1 };
    const alive: Detector[] = [];
    const away: Detector[] = [];
    const byDay = new Map<string, number>();
    let ceiling = desk.budget.imagesPerDay ?? 0;
    let nextName = 0;
    for (let step = 0; step < 3_000; step += 1) {
      desk.nowMs += Math.floor(random() * 90_000);
      desk.serving = Math.max(1, alive.length);
      if (random() < 0.05) desk.prices = random() < 0.2 ? {} : { shapes: 0.01 + random() * 0.01 };
      const kind = random();
      const one = alive[Math.floor(random() * alive.length)];
      if (kind < 0.02 && alive.length < 6) alive.push(new Detector(`d${nextName++}`));
      else if (kind < 0.03 && away.length > 0) alive.push(...away.splice(0, 1));
      else if (one === undefined) continue;
      else if (kind < 0.04) {
        // It dies: what it has in hand it may have used without a word.
        alive.splice(alive.indexOf(one), 1);
        if (random() < 0.5) away.push(one);
        count(one, 50);
        desk.accounts.turn(desk.budget, desk.nowMs);
        desk.accounts.lose(one.holder);
      } else if (kind < 0.05) {
        alive.splice(alive.indexOf(one), 1);
        desk.ask(one, { isLost: true });
        desk.accounts.leave(one.holder);
      } else if (kind < 0.08) one.waiting = one.waiting === 0 ? 500 : 0;
      else if (kind < 0.1) takeBack(one, Math.floor(random() * 8));
      else if (kind < 0.55) count(one, one.waiting === 0 ? 0 : Math.floor(random() * 120));
      else desk.ask(one, { isLost: random() < 0.2, rate: 1 + random() * 20 });
      if (random() < 0.01) {
        // As continue-as-new does.
        desk.accounts = new BudgetAccounts(structuredClone(desk.accounts.snapshot()));
      }
      if (random() < 0.002 && desk.budget.imagesPerDay !== null) {
        desk.budget.imagesPerDay += Math.floor(random() * 500);
        ceiling = desk.budget.imagesPerDay;
      }
      if (moneyPerDay !== null) {
        const { spent, reserved } = moneyOf(desk);
        expect(spent + reserved).toBeLessThanOrEqual(moneyPerDay + 1e-6);
      }
    }
    expect(byDay.size).toBeGreaterThan(1);
    for (const [day, images] of byDay) expect(images, day).toBeLessThanOrEqual(ceiling);

    function count(detector: Detector, wanted: number): void {
      // Its day ends by its own clock: from then on it has nothing.
      desk.accounts.turn(desk.budget, desk.nowMs);
      if (detector.day !== desk.state.day) return;
      byDay.set(detector.day, (byDay.get(detector.day) ?? 0) + detector.use(wanted));
    }

    /** What it was let run and did not, because nobody waited for it any more. */
    function takeBack(detector: Detector, unused: number): void {
      const images = Math.min(unused, detector.used);
      if (detector.day !== desk.state.day) return;
      detector.used -= images;
      byDay.set(detector.day, (byDay.get(detector.day) ?? 0) - images);
    }
  });

  it.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'leave at most the chunks of dead ones unused where the demand is endless: seed %i',
    (seed) => {
      const random = randomOf(seed + 1_000);
      const desk = new Desk();
      desk.budget.imagesPerDay = 2_000 + Math.floor(random() * 4_000);
      const alive = Array.from(
        { length: 4 },
        (_, index) => new Detector(`d${index}`, index === 3 ? 'other' : 'shapes'),
      );
      const idle = alive[3];
      if (idle !== undefined) idle.waiting = 0;
      let images = 0;
      let inDeadHands = 0;
      let deaths = 0;
      for (let step = 0; step < 4_000; step += 1) {
        desk.nowMs += Math.floor(random() * 5_000);
        desk.serving = alive.length;
        const one = alive[Math.floor(random() * alive.length)];
        if (one === undefined) break;
        if (one !== idle && deaths < 2 && step > 30 && random() < 0.01) {
          alive.splice(alive.indexOf(one), 1);
          inDeadHands += (one.limit ?? 0) - one.used;
          deaths += 1;
          desk.accounts.lose(one.holder);
        } else if (random() < 0.5 && one !== idle) images += one.use(100);
        else desk.ask(one);
      }
      expect(images + inDeadHands).toBe(desk.budget.imagesPerDay);
      expect(inDeadHands).toBeLessThanOrEqual(deaths * 300);
      for (const one of alive) desk.ask(one);
      expect(desk.state).toMatchObject({ left: 0, exhausted: true });
    },
  );
});

function moneyOf(desk: Desk): { spent: number; reserved: number } {
  const { spent, accounts, lost, lostBefore } = desk.accounts.snapshot();
  return { spent, reserved: [...accounts, ...lost, lostBefore].reduce((sum, { reserved }) => sum + reserved, 0) };
}
