import { describe, expect, it, vi } from 'vitest';
import { Pacer, TokenBucket } from '../../../src/inference/pacer.js';

describe('a token bucket', () => {
  it('never gives more in any 10 s than rate times 10 plus one model run', () => {
    let now = 0;
    const bucket = new TokenBucket(50, 8, () => now);
    const taken: { at: number; count: number }[] = [];
    for (; now < 60_000; now += 7) taken.push({ at: now, count: bucket.take(now % 5000 < 2500 ? 64 : 0) });
    for (let from = 0; from < 50_000; from += 100) {
      const inWindow = taken
        .filter(({ at }) => at >= from && at < from + 10_000)
        .reduce((sum, { count }) => sum + count, 0);
      expect(inWindow).toBeLessThanOrEqual(508);
    }
  });

  it('starts empty', () => {
    expect(new TokenBucket(1000, 8, () => 0).take(1)).toBe(0);
  });

  it('gives the whole rate to somebody who always asks', () => {
    let now = 0;
    const bucket = new TokenBucket(120, 8, () => now);
    let taken = 0;
    for (; now < 10_000; now += 3) taken += bucket.take(1000);
    expect(taken).toBeGreaterThanOrEqual(1190);
  });
});

describe('a pacer', () => {
  it('serves express before bulk that asked earlier', () => {
    vi.useFakeTimers();
    try {
      const pacer = new Pacer(new TokenBucket(10, 1));
      const order: string[] = [];
      pacer.request({ express: 0, bulk: 2 }, () => order.push('bulk'));
      pacer.request({ express: 2, bulk: 0 }, () => order.push('express'));
      vi.advanceTimersByTime(1_000);
      expect(order).toEqual(['express', 'express', 'bulk', 'bulk']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('gathers no more tokens while nobody asks than one model run takes', () => {
    vi.useFakeTimers();
    try {
      const pacer = new Pacer(new TokenBucket(10, 1));
      pacer.setDepth(4);
      vi.advanceTimersByTime(60_000);
      let granted = 0;
      pacer.request({ express: 0, bulk: 100 }, (count) => (granted += count));
      expect(granted).toBe(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it('grants at once without a cap, and nothing to who has withdrawn', () => {
    const pacer = new Pacer(new TokenBucket(0, 1));
    let granted = 0;
    pacer.request({ express: 1, bulk: 30 }, (count) => (granted += count));
    expect(granted).toBe(31);
    const capped = new Pacer(new TokenBucket(0.001, 1));
    const grant = (): void => expect.unreachable();
    capped.request({ express: 0, bulk: 1 }, grant);
    capped.withdraw(grant);
  });
});
