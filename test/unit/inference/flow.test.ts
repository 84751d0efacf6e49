import { describe, expect, it } from 'vitest';
import { Flow } from '../../../src/inference/flow.js';
import { seededRandom } from '../../../src/scenes/random.js';

/** A flow on a clock of its own, and who takes from it; keeps what was taken and the integral of the rate. */
class Rig {
  now = 0;
  readonly taken: { at: number; count: number }[] = [];
  readonly rates: { from: number; to: number; rate: number }[] = [];
  readonly flow: Flow;

  constructor(readonly depth: number) {
    this.flow = new Flow(depth, () => this.now);
  }

  set(rate: number, forMs: number): void {
    const last = this.rates.at(-1);
    if (last !== undefined && last.to > this.now) last.to = this.now;
    this.rates.push({ from: this.now, to: this.now + forMs, rate });
    this.flow.set(rate, this.now + forMs);
  }

  /** Takes as a child that asks now, or has waited since `sinceMs`. */
  take(wanted: number, sinceMs = this.now, fillMs = 0): number {
    const taken = this.flow.take(wanted, sinceMs, fillMs);
    if ('waitMs' in taken) return 0;
    this.taken.push({ at: taken.atMs, count: taken.count });
    return taken.count;
  }

  integral(from: number, to: number): number {
    return this.rates.reduce(
      (sum, one) => sum + (Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)) / 1000) * one.rate,
      0,
    );
  }

  /** The most that any window has above the integral of the rate over it. */
  worstExcess(): number {
    let worst = -Infinity;
    for (const [first, { at: from }] of this.taken.entries()) {
      let count = 0;
      for (const { at: to, count: more } of this.taken.slice(first)) {
        count += more;
        worst = Math.max(worst, count - this.integral(from, to));
      }
    }
    return worst;
  }

  total(): number {
    return this.taken.reduce((sum, { count }) => sum + count, 0);
  }
}

describe('a flow', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'never gives more in any time than the integral of the rate plus one model run (seed %i)',
    (seed) => {
      const random = seededRandom(seed);
      const rig = new Rig(random.integer(1, 16));
      let since = 0;
      for (let turn = 0; turn < 40; turn += 1) {
        if (random.between(0, 1) < 0.3) rig.set(random.between(0, 80), random.between(500, 20_000));
        const until = rig.now + random.between(100, 3_000);
        const isIdle = random.between(0, 1) < 0.2;
        for (; rig.now < until; rig.now += random.between(1, 40)) {
          if (!isIdle && rig.take(random.integer(1, rig.depth + 1), since, random.between(0, 50)) > 0)
            since = rig.now + random.between(0, 30);
        }
      }
      expect(rig.total()).toBeGreaterThan(0);
      expect(rig.worstExcess()).toBeLessThanOrEqual(rig.depth + 1e-6);
    },
  );

  it.each([
    { rate: 50, run: 1, late: 12 },
    { rate: 50, run: 8, late: 25 },
    { rate: 7.5, run: 1, late: 60 },
    { rate: 900, run: 8, late: 6 },
  ])('loses nothing to timers that are late: $rate/s in runs of $run', ({ rate, run, late }) => {
    const random = seededRandom(3);
    const rig = new Rig(run);
    rig.set(rate, 1_000_000);
    const endMs = (2_000 / rate) * 1000;
    for (let since = 0; rig.now < endMs;) {
      const taken = rig.flow.take(run, since, 0);
      if ('waitMs' in taken) {
        rig.now += taken.waitMs + random.between(0, late);
        continue;
      }
      rig.taken.push({ at: taken.atMs, count: taken.count });
      since = taken.atMs;
    }
    expect(rig.total()).toBeGreaterThanOrEqual(2_000 * 0.995 - run);
    expect(rig.worstExcess()).toBeLessThanOrEqual(run + 1e-6);
  });

  it('begins empty, and again after its end', () => {
    const rig = new Rig(8);
    expect(rig.take(8)).toBe(0);
    rig.set(1_000, 1_000);
    expect(rig.take(8)).toBe(0);
    rig.now = 999;
    expect(rig.take(8)).toBe(8);
    rig.now = 1_000;
    expect(rig.take(8)).toBe(0);
    expect(rig.flow.rate).toBe(0);
    rig.set(1_000, 1_000);
    expect(rig.take(8)).toBe(0);
  });

  it('gathers no more than one run while nobody takes', () => {
    const rig = new Rig(4);
    rig.set(10, 100_000);
    rig.now = 60_000;
    expect(rig.take(100)).toBe(4);
    expect(rig.take(1)).toBe(0);
  });

  it('fills a run as long as it is told, then gives what there is', () => {
    const rig = new Rig(8);
    rig.set(100, 100_000);
    rig.now = 30;
    expect(rig.take(8, 0, 50)).toBe(0);
    rig.now = 50;
    expect(rig.take(8, 0, 50)).toBe(5);
    rig.now = 140;
    expect(rig.take(8, 50, 200)).toBe(8);
    expect(rig.taken.at(-1)?.at).toBeCloseTo(130);
  });

  it('has no bound at no limit, and nothing left over after it', () => {
    const rig = new Rig(4);
    rig.flow.set(Infinity, 1_000);
    expect(rig.take(1_000_000)).toBe(1_000_000);
    rig.set(10, 1_000);
    expect(rig.take(1)).toBe(0);
    rig.now = 150;
    expect(rig.take(9)).toBe(1);
  });
});
