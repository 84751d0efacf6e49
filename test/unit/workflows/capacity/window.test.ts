import { describe, expect, it } from 'vitest';
import type { LaneSetting } from '../../../../src/domain/index.js';
import { seededRandom } from '../../../../src/scenes/random.js';
import { TICK_MS, WindowFleet, type Faults } from './windowFleet.js';

const BULK: LaneSetting = { lane: 'bulk', weight: 1, express: false };
const EXPRESS: LaneSetting = { lane: 'express', weight: 1, express: true };
const PARTNER: LaneSetting = { lane: 'partner', weight: 3, express: false };

const CALM: Faults = { lost: 0, delayMs: 200 };
const ROUGH: Faults = { lost: 0.15, delayMs: 4_000 };

function fleetOf(lanes: LaneSetting[], window: number, seed: number, faults: Faults, endChance?: number): WindowFleet {
  const bounds = { lanes, window, slots: 0, stopOf: () => undefined };
  return new WindowFleet(bounds, seededRandom(seed), faults, endChance);
}

function run(fleet: WindowFleet, seconds: number, each: () => void = () => undefined): void {
  for (let step = 0; step < (seconds * 1000) / TICK_MS; step += 1) {
    fleet.step();
    each();
  }
}

describe('the window of open batches', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'is never passed: answers late or lost, dispatchers killed, new, leaving, away for minutes (seed %i)',
    (seed) => {
      const random = seededRandom(`course ${seed}`);
      const lanes = [BULK, EXPRESS, PARTNER];
      const fleet = fleetOf(lanes, 60 + random.integer(0, 20), seed, ROUGH);
      const lane = (): string => random.pick([BULK, EXPRESS, PARTNER]).lane;
      for (let count = 0; count < 3; count += 1) fleet.add([lane()]);
      let awayUntilMs = -1;
      run(fleet, 900, () => {
        expect(fleet.taken()).toBeLessThanOrEqual(fleet.places.total(fleet.bounds));
        fleet.isAway = fleet.nowMs < awayUntilMs;
        if (random.between(0, 1) > 0.01) return;
        const living = fleet.dispatchers.filter(({ isDead }) => !isDead);
        const one = living[random.integer(0, living.length)];
        if (one === undefined || (living.length < 6 && random.between(0, 1) < 0.2)) fleet.add([lane()]);
        else if (random.between(0, 1) < 0.1) fleet.kill(one);
        else if (random.between(0, 1) < 0.1) fleet.leave(one);
        else if (random.between(0, 1) < 0.03) awayUntilMs = fleet.nowMs + random.between(5_000, 120_000);
        else one.busy = new Set([lane(), lane()]);
      });
    },
  );

  it.each([1, 2, 5])(
    'is lent to the one lane that has work, but for what stays free for others (%i dispatchers)',
    (count) => {
      const fleet = fleetOf([BULK, EXPRESS, PARTNER], 36, count, CALM);
      for (let index = 0; index < count; index += 1) fleet.add(['bulk']);
      run(fleet, 60);
      const [free] = [Math.max(6, count) + count];
      let least = Infinity;
      let sum = 0;
      run(fleet, 60, () => {
        const usable = fleet.dispatchers.reduce((all, one) => all + fleet.usable(one, 'bulk'), 0);
        least = Math.min(least, usable);
        sum += fleet.openIn('bulk');
        expect(fleet.openIn('bulk')).toBeLessThanOrEqual(36 - free);
      });
      expect(least).toBe(36 - free);
      expect(sum).toBeGreaterThan(0);
    },
  );

  it.each([
    ['one dispatcher', 16, 1],
    ['three dispatchers', 24, 3],
    ['a large window', 200, 2],
  ])('is shared 3 : 1 by weights of 3 : 1 in the long run (%s)', (_name, window, count) => {
    const fleet = fleetOf([BULK, PARTNER], window, count, CALM);
    for (let index = 0; index < count; index += 1) fleet.add(['bulk', 'partner']);
    run(fleet, 60);
    fleet.started.clear();
    run(fleet, 600);
    const ratio = (fleet.started.get('partner') ?? 0) / (fleet.started.get('bulk') ?? 1);
    expect(ratio).toBeGreaterThan(2.7);
    expect(ratio).toBeLessThan(3.3);
  });

  it('comes back to its shares once a lane that had lent its own has work again', () => {
    const fleet = fleetOf([BULK, PARTNER], 16, 7, CALM);
    const [one, other] = [fleet.add(['bulk']), fleet.add(['bulk'])];
    run(fleet, 60);
    expect(fleet.openIn('bulk')).toBeGreaterThan(10);
    one.busy.add('partner');
    other.busy.add('partner');
    run(fleet, 60);
    const usable = (lane: string): number => fleet.usable(one, lane) + fleet.usable(other, lane);
    expect([usable('partner'), usable('bulk')]).toEqual([12, 4]);
  });

  it('starves no lane and no dispatcher, however small it is and in whatever order lanes are named', () => {
    for (const lanes of [
      [EXPRESS, BULK, PARTNER],
      [PARTNER, EXPRESS, BULK],
    ])
      for (const window of [1, 2, 5, 7]) {
        const fleet = fleetOf(lanes, window, window, ROUGH);
        const all = Array.from({ length: 3 }, () => fleet.add(lanes.map(({ lane }) => lane)));
        const seen = new Set<string>();
        run(fleet, 300, () => {
          for (const { holder, open } of all)
            for (const [lane, count] of open) if (count > 0) seen.add(`${holder} ${lane}`);
        });
        expect(seen.size).toBe(9);
      }
  });

  it('has a place for an urgent batch at once, however much bulk waits and however long its batches are', () => {
    const fleet = fleetOf([BULK, EXPRESS], 24, 3, CALM, 0);
    const [one, other] = [fleet.add(['bulk']), fleet.add(['bulk'])];
    run(fleet, 60);
    expect(fleet.openIn('bulk')).toBe(20);
    for (const dispatcher of [one, other]) {
      expect(fleet.usable(dispatcher, 'express')).toBeGreaterThanOrEqual(1);
      dispatcher.busy.add('express');
      dispatcher.askAtMs = fleet.nowMs;
    }
    run(fleet, 2);
    expect(fleet.openIn('express')).toBe(4);
  });

  it('gives a lane that is stopped nothing, and its places to the others', () => {
    let isStopped = true;
    const bounds = {
      ...{ lanes: [BULK, PARTNER], window: 16, slots: 0 },
      stopOf: ({ lane }: LaneSetting) => (isStopped && lane === 'partner' ? 'paused by ana: a test' : undefined),
    };
    const fleet = new WindowFleet(bounds, seededRandom(1), CALM);
    fleet.add(['bulk', 'partner']);
    run(fleet, 60);
    expect([fleet.openIn('partner'), fleet.places.state(bounds).lanes.map(({ leased }) => leased)]).toEqual([
      0,
      [16, 0],
    ]);
    expect(fleet.places.state(bounds).lanes[1]?.stopped).toBe('paused by ana: a test');
    isStopped = false;
    run(fleet, 60);
    expect(fleet.places.state(bounds).lanes.map(({ leased }) => leased)).toEqual([4, 12]);
  });

  it('is three places for each slot of the detectors where nobody has set it', () => {
    const { places, bounds } = fleetOf([BULK, EXPRESS], 0, 1, CALM);
    expect(places.total({ ...bounds, window: null, slots: 10 })).toBe(30);
    expect(places.total({ ...bounds, window: null, slots: 0 })).toBe(12);
    expect(places.total({ ...bounds, window: 1 })).toBe(2);
  });
});
