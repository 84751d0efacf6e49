import { describe, expect, it } from 'vitest';
import { LEASE_MARGIN_MS, type WindowRequest } from '../../../../src/domain/index.js';
import { WindowPlaces, type WindowBounds } from '../../../../src/workflows/capacity/window.js';

const LEASE_MS = 30_000;
const BOUNDS: WindowBounds = {
  ...{ lanes: [{ lane: 'bulk', weight: 1, express: false }], window: 12, slots: 0, stopOf: () => undefined },
};

/** A dispatcher of six partitions that always wants more, and fills what it is given at once. */
class Dispatcher {
  seq = 0;
  places = 0;

  constructor(
    readonly holder: string,
    public partitions: number,
  ) {}

  ask(places: WindowPlaces, nowMs: number, open = this.places): number {
    this.seq += 1;
    const demand = { lane: 'bulk', open, places: this.places, wants: true, partitions: this.partitions, of: 6 };
    const request: WindowRequest = { holder: this.holder, seq: this.seq, revision: 0, lanes: [demand] };
    places.leases.check(request);
    places.leases.expire(nowMs);
    this.places = places.ask(request, BOUNDS, nowMs + LEASE_MS).lanes[0]?.places ?? 0;
    return this.places;
  }
}

describe('the places of a dispatcher that was killed', () => {
  it('are free once others read all partitions of the lane, and not before', () => {
    const places = new WindowPlaces([]);
    const [dead, lives] = [new Dispatcher('dead', 3), new Dispatcher('lives', 3)];
    for (const nowMs of [0, 1, 2, 3]) [dead, lives].forEach((one) => one.ask(places, nowMs));
    expect([dead.places, lives.places]).toEqual([6, 6]);
    expect(lives.ask(places, 10_000)).toBe(6);
    lives.partitions = 6;
    // It has counted the six batches that the other left open, to whom one place is kept until its lease ends.
    expect(lives.ask(places, 12_000, 12)).toBe(11);
  });

  it('are free for the next of its kind, also after its lease has run out', () => {
    const places = new WindowPlaces([]);
    const dead = new Dispatcher('dead', 6);
    expect(dead.ask(places, 0)).toBe(12);
    const next = new Dispatcher('next', 0);
    expect(next.ask(places, 1_000)).toBe(0);
    expect(next.ask(places, LEASE_MS + LEASE_MARGIN_MS)).toBe(0);
    next.partitions = 6;
    expect(next.ask(places, LEASE_MS + LEASE_MARGIN_MS + 1)).toBe(12);
  });

  it('of a lane are its own while others read a part of it: a report of what was read before frees nothing', () => {
    const places = new WindowPlaces([]);
    const [old, young] = [new Dispatcher('old', 6), new Dispatcher('young', 3)];
    expect(old.ask(places, 0)).toBe(12);
    expect(young.ask(places, 1_000)).toBe(0);
    // It has three now, and says that it goes by less, with what it has open.
    old.partitions = 3;
    for (const nowMs of [2_000, 2_000]) old.ask(places, nowMs, 9);
    expect(young.ask(places, 2_001)).toBe(3);
  });

  it('takes nothing from who tells of it, though others that spoke as late tell of all partitions too', () => {
    const places = new WindowPlaces([]);
    const [stale, lives] = [new Dispatcher('stale', 6), new Dispatcher('lives', 6)];
    expect(stale.ask(places, 1_000)).toBe(12);
    lives.ask(places, 1_000, 5);
    const mine = places.leases.all.find(({ holder }) => holder === 'lives')?.lanes[0];
    expect(mine).toMatchObject({ open: 5, wants: true });
  });
});
