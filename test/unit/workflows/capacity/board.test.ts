import { describe, expect, it } from 'vitest';
import {
  LEASE_MARGIN_MS,
  type CapacityChange,
  type CapacitySettings,
  type ChangeRecord,
  type Rate,
  type ShareReply,
  type ShareRequest,
} from '../../../../src/domain/index.js';
import { seededRandom, type Random } from '../../../../src/scenes/random.js';
import { CapacityBoard } from '../../../../src/workflows/capacity/board.js';
import { newCapacity } from '../../../../src/workflows/capacity/snapshot.js';

const LEASE_MS = 30_000;
const SETTINGS: CapacitySettings = {
  leaseMs: LEASE_MS,
  model: 'shapes',
  cap: 100,
  planned: null,
  lanes: [
    { lane: 'bulk', weight: 1, express: false },
    { lane: 'express', weight: 1, express: true },
  ],
  window: null,
  budget: {
    ...{ imagesPerDay: null, moneyPerDay: null, pricePerDetectorHour: null },
    ...{ currency: 'EUR', timeZone: 'UTC', expressBeyond: false },
  },
};

function boardOf(more: Partial<CapacitySettings> = {}): CapacityBoard {
  return new CapacityBoard(newCapacity({ ...SETTINGS, ...more }));
}

function request(holder: string, seq: number, more: Partial<ShareRequest> = {}): ShareRequest {
  return {
    ...{ holder, seq, model: 'shapes', most: null, slots: 4, rate: 0, revision: 0 },
    ...{ budget: { day: '', used: 0, limit: 0 }, waiting: { express: 0, bulk: 0 } },
    ...more,
  };
}

function change(board: CapacityBoard, what: CapacityChange, nowMs: number): number {
  const made = { change: what, who: 'ada', why: 'a test' };
  board.checkChange(made);
  board.change(made, (count) => `chain/${count}`, nowMs);
  return board.revision;
}

/** A detector that asks, and goes by what it was answered, as a ShareHolder does. */
class Detector {
  seq = 0;
  rate: Rate = 0;
  revision = 0;
  untilMs = -Infinity;
  standby = false;
  /** When it asks next. */
  nextMs = 0;
  /** An answer on its way, and when it arrives; Infinity: it is lost. */
  answer: { reply: ShareReply; askedMs: number; arrivesMs: number } | undefined;

  constructor(
    readonly holder: string,
    readonly most: Rate,
  ) {}

  rateAt(nowMs: number): number {
    return nowMs < this.untilMs ? (this.rate ?? Infinity) : 0;
  }

  ask(board: CapacityBoard, nowMs: number, more: Partial<ShareRequest> = {}): ShareReply {
    this.seq += 1;
    const { holder, seq, revision, most } = this;
    const rate = this.rateAt(nowMs);
    const asked = request(holder, seq, { revision, most, rate: rate === Infinity ? null : rate, ...more });
    board.checkShare(asked);
    return board.share(asked, nowMs);
  }

  apply(reply: ShareReply, askedMs: number): void {
    this.rate = reply.rate;
    this.revision = reply.revision;
    this.untilMs = askedMs + reply.leaseMs;
    this.standby = reply.standby !== undefined;
  }

  renew(board: CapacityBoard, nowMs: number): ShareReply {
    const reply = this.ask(board, nowMs);
    this.apply(reply, nowMs);
    return reply;
  }
}

/** All ask in turn until nobody is owed anything. */
function settle(board: CapacityBoard, detectors: readonly Detector[], nowMs: number): void {
  for (let round = 0; round < 4; round += 1) for (const one of detectors) one.renew(board, nowMs);
}

describe('shares of the cap', () => {
  it.each([1, 2, 3, 7])('add up to the cap with %i detectors', (count) => {
    const board = boardOf();
    const detectors = Array.from({ length: count }, (_, index) => new Detector(`d${index}`, null));
    settle(board, detectors, 1_000);
    expect(detectors.reduce((sum, { rate }) => sum + (rate ?? 0), 0)).toBeCloseTo(100, 6);
    for (const { rate } of detectors) expect(rate).toBeCloseTo(100 / count, 6);
  });

  it('give what one can not sustain to the others', () => {
    const board = boardOf();
    const detectors = [new Detector('weak', 20), new Detector('a', 60), new Detector('b', null)];
    settle(board, detectors, 1_000);
    expect(detectors.map(({ rate }) => rate)).toEqual([20, 40, 40]);
  });

  it('are what each can sustain where no cap is set', () => {
    const board = boardOf({ cap: null });
    const detectors = [new Detector('measured', 80), new Detector('not', null)];
    settle(board, detectors, 1_000);
    expect(detectors.map(({ rate }) => rate)).toEqual([80, null]);
  });

  it('go to as many detectors as are planned; the next stands by until one leaves or is lost', () => {
    const board = boardOf({ planned: 2 });
    const [a, b, c] = [new Detector('a', null), new Detector('b', null), new Detector('c', null)];
    settle(board, [a, b, c], 1_000);
    expect(c.standby).toBe(true);
    expect(c.ask(board, 1_500).standby).toBe('2 of 2 planned detectors of shapes serve');
    a.ask(board, 2_000, { rate: 0, leaving: true });
    settle(board, [b, c], 2_000);
    expect([b.rate, c.rate]).toEqual([50, 50]);
    const d = new Detector('d', null);
    settle(board, [c, d], 2_100);
    expect(d.standby).toBe(true);
    // b is lost: its share is nobody's until its lease and the margin have run out.
    const lostMs = 2_000 + LEASE_MS + LEASE_MARGIN_MS;
    settle(board, [c, d], lostMs - 1);
    expect(d.standby).toBe(true);
    settle(board, [c, d], lostMs);
    expect([c.rate, d.rate]).toEqual([50, 50]);
  });

  it('wait until those that have more have said that they go by less', () => {
    const board = boardOf();
    const [a, b] = [new Detector('a', null), new Detector('b', null)];
    a.renew(board, 0);
    expect(a.rate).toBe(100);
    expect(b.renew(board, 10).rate).toBe(0);
    a.renew(board, 20);
    expect(a.rate).toBe(50);
    // It was told, and may not have heard it.
    expect(b.renew(board, 30).rate).toBe(0);
    a.renew(board, 40);
    expect(b.renew(board, 50).rate).toBe(50);
  });

  it('are never more than the cap together, whatever is lost, late, killed or changed', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) simulate(seededRandom(seed));
  });

  it('keeps to what is had while leases of a lost workflow may be in use', () => {
    const board = new CapacityBoard(newCapacity(SETTINGS, 40_000));
    const a = new Detector('a', null);
    expect(a.renew(board, 1_000).rate).toBe(0);
    a.rate = 30;
    a.untilMs = 50_000;
    expect(a.renew(board, 2_000).rate).toBe(30);
    expect(a.renew(board, 40_000).rate).toBe(100);
  });

  it('refuses a request that was overtaken', () => {
    const board = boardOf();
    const a = new Detector('a', null);
    a.renew(board, 0);
    a.renew(board, 10);
    expect(() => board.checkShare(request('a', 1))).toThrow('request 1 of a comes after its request 2');
  });
});

function simulate(random: Random): void {
  const board = boardOf({ planned: 4 });
  let detectors: Detector[] = [];
  let made = 0;
  // The cap that counts: a lower one once every detector goes by it, or its lease has run out.
  let cap = 100;
  let lowered: { cap: number; revision: number } | undefined;
  for (let nowMs = 0; nowMs < 400_000; nowMs += 250) {
    if (detectors.length < 6 && random.between(0, 1) < 0.02)
      detectors.push(new Detector(`d${made++}`, random.between(0, 1) < 0.5 ? null : random.between(5, 60)));
    // Killed: it infers no more, and the workflow does not know.
    if (random.between(0, 1) < 0.004) detectors = detectors.slice(1);
    if (lowered !== undefined && board.isInForce(lowered.revision)) {
      cap = lowered.cap;
      lowered = undefined;
    }
    if (lowered === undefined && random.between(0, 1) < 0.01) {
      const next = random.between(10, 150);
      const revision = change(board, { set: { model: 'shapes', cap: next } }, nowMs);
      if (next >= cap) cap = next;
      else lowered = { cap: next, revision };
    }
    for (const one of detectors) {
      if (one.answer !== undefined && one.answer.arrivesMs <= nowMs) {
        one.apply(one.answer.reply, one.answer.askedMs);
        one.nextMs = nowMs + Math.min(one.answer.reply.renewMs, 10_000);
        one.answer = undefined;
      }
      if (one.nextMs > nowMs) continue;
      if (one.answer !== undefined && one.answer.arrivesMs !== Infinity) continue;
      const fate = random.between(0, 1);
      // The workflow is away, or its answer never arrives: the detector gives up on it and asks again.
      if (fate < 0.2) one.nextMs = nowMs + 1_000;
      else {
        const reply = one.ask(board, nowMs);
        one.answer = { reply, askedMs: nowMs, arrivesMs: fate < 0.35 ? Infinity : nowMs + random.between(0, 4_000) };
        one.nextMs = nowMs + 5_000;
      }
    }
    board.advance(nowMs);
    const inUse = detectors.reduce((sum, one) => sum + one.rateAt(nowMs), 0);
    expect(inUse).toBeLessThanOrEqual(cap + 1e-6);
  }
  expect(made).toBeGreaterThan(5);
}

describe('a change', () => {
  it('is in force once every holder goes by it, and recorded twice', () => {
    const board = boardOf();
    const [a, b] = [new Detector('a', null), new Detector('b', null)];
    settle(board, [a, b], 0);
    const revision = change(board, { set: { model: 'shapes', cap: 10 } }, 100);
    expect(board.isInForce(revision)).toBe(false);
    settle(board, [a], 200);
    expect(board.isInForce(revision)).toBe(false);
    settle(board, [b], 300);
    expect(board.isInForce(revision)).toBe(true);
    expect(board.inForce(board.state(300).changes[0] as ChangeRecord, 300)).toMatchObject({
      before: '100',
      after: '10',
      who: 'ada',
      inForceAtMs: 300,
    });
    expect(board.unrecorded.map(({ inForceAtMs }) => inForceAtMs)).toEqual([null, 300]);
    board.recorded(1);
    expect(board.unrecorded).toHaveLength(1);
  });

  it('is in force without a holder that is lost, once its lease has run out', () => {
    const board = boardOf();
    const a = new Detector('a', null);
    a.renew(board, 0);
    const revision = change(board, { pause: true }, 100);
    board.advance(LEASE_MS + LEASE_MARGIN_MS);
    expect(board.isInForce(revision)).toBe(true);
  });

  it('by a person goes before the configuration, until it is taken back', () => {
    const board = boardOf();
    change(board, { set: { model: 'shapes', cap: 7 } }, 0);
    change(board, { plan: { model: 'shapes', planned: 1 } }, 0);
    board.configure({ ...SETTINGS, cap: 200, planned: 3 }, 10);
    expect(board.pool('shapes')).toEqual({ cap: 7, planned: 1 });
    change(board, { set: { model: 'shapes', cap: 'default' } }, 20);
    change(board, { plan: { model: 'shapes', planned: 'default' } }, 20);
    expect(board.pool('shapes')).toEqual({ cap: 200, planned: 3 });
  });

  it.each<[CapacityChange, string]>([
    [{ set: { model: 'shapes', cap: 0 } }, 'cap: a number above 0'],
    [{ set: { model: 'shapes', cap: Number.NaN } }, 'cap: a number above 0'],
    [{ set: { model: '../x', cap: 1 } }, 'model: the name of a model'],
    [{ plan: { model: 'shapes', planned: 0 } }, 'planned: a whole number from 1 to 500'],
    [{ budget: { timeZone: 'Mars/Base' } }, "timeZone: 'Mars/Base' is no IANA time zone"],
    [{ budget: { moneyPerDay: 5 } }, 'moneyPerDay: a ceiling in money needs pricePerDetectorHour'],
    [{} as CapacityChange, 'a change is one of set, plan, pause, resume, budget'],
  ])('that can not be made is refused: %j', (what, message) => {
    expect(() => boardOf().checkChange({ change: what, who: 'ada', why: 'x' })).toThrow(message);
  });

  it('pauses every lane, and nothing that detectors do', () => {
    const board = boardOf();
    const a = new Detector('a', null);
    a.renew(board, 0);
    change(board, { pause: true }, 10);
    const lanes = ['bulk', 'express'].map((lane) => ({ lane, open: 0, places: 0, wants: true, partitions: 0, of: 0 }));
    const reply = board.window({ holder: 'w', seq: 1, revision: 0, lanes }, 20);
    expect(reply.lanes.map(({ places }) => places)).toEqual([0, 0]);
    expect(reply.stopped.map(({ why }) => why)).toEqual(['paused by ada: a test', 'paused by ada: a test']);
    expect(a.renew(board, 30).rate).toBe(100);
    change(board, { resume: true }, 40);
    const after = board.window({ holder: 'w', seq: 2, revision: 0, lanes }, 50);
    expect(after.stopped).toEqual([]);
    expect(after.lanes.every(({ places }) => places > 0)).toBe(true);
  });
});

describe('a lane that only a dispatcher knows', () => {
  it('has places like any other', () => {
    const board = boardOf();
    const demand = { open: 0, places: 0, wants: true, partitions: 0, of: 0 };
    const lanes = ['bulk', 'new'].map((lane) => ({ lane, ...demand }));
    const reply = board.window({ holder: 'w', seq: 1, revision: 0, lanes }, 20);
    expect(reply.lanes.map(({ places }) => places)).toEqual([5, 5]);
    expect(board.state(30).window.lanes.map(({ lane }) => lane)).toEqual(['bulk', 'express', 'new']);
  });
});

describe('the state', () => {
  it('is the same after it continued as new', () => {
    const board = boardOf({ budget: { ...SETTINGS.budget, imagesPerDay: 1_000 } });
    settle(board, [new Detector('a', 60), new Detector('b', null)], 0);
    change(board, { set: { model: 'shapes', cap: 70 } }, 10);
    change(board, { pause: true }, 20);
    const again = new CapacityBoard(JSON.parse(JSON.stringify(board.snapshot())) as ReturnType<typeof board.snapshot>);
    expect(again.state(30)).toEqual(board.state(30));
    expect(again.snapshot()).toEqual(board.snapshot());
  });
});
