import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pacer } from '../../../src/inference/pacer.js';

const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function pacerOf(rate: number, { run = 1, fillMs = 0 } = {}): Pacer {
  const pacer = new Pacer({ fillMs });
  pacer.setDepth(run);
  pacer.lease(rate, performance.now() + HOUR_MS);
  return pacer;
}

/** A child that always has more to run. */
function child(pacer: Pacer, wanted: { express: number; bulk: number }) {
  const runs: number[] = [];
  const grant = (count: number): void => {
    runs.push(count);
    pacer.request(wanted, grant);
  };
  pacer.request(wanted, grant);
  return { runs, total: () => runs.reduce((sum, count) => sum + count, 0) };
}

describe('a pacer', () => {
  it('grants nothing without a lease, and nothing after its end', () => {
    const pacer = new Pacer();
    const { total } = child(pacer, { express: 0, bulk: 1 });
    vi.advanceTimersByTime(10_000);
    expect(total()).toBe(0);
    pacer.lease(10, performance.now() + 2_000);
    vi.advanceTimersByTime(60_000);
    expect(total()).toBeGreaterThanOrEqual(19);
    expect(total()).toBeLessThanOrEqual(20);
    expect(pacer.rate).toBe(0);
    expect(pacer.starvedMs).toBeGreaterThan(50_000);
    pacer.close();
  });

  it('gives the whole rate to children that always have more', () => {
    const pacer = pacerOf(120, { run: 8, fillMs: 10 });
    const children = [child(pacer, { express: 0, bulk: 8 }), child(pacer, { express: 0, bulk: 8 })];
    vi.advanceTimersByTime(60_000);
    const total = children.reduce((sum, one) => sum + one.total(), 0);
    expect(total).toBeGreaterThanOrEqual(7_150);
    expect(total).toBeLessThanOrEqual(7_208);
    pacer.close();
  });

  it('serves express before bulk that asked earlier', () => {
    const pacer = pacerOf(10);
    const order: string[] = [];
    pacer.request({ express: 0, bulk: 1 }, () => order.push('bulk'));
    pacer.request({ express: 1, bulk: 0 }, () => order.push('express'));
    vi.advanceTimersByTime(1_000);
    expect(order).toEqual(['express', 'bulk']);
    pacer.close();
  });

  it('waits for a full run no longer than it is told, and not at all for express', () => {
    const pacer = pacerOf(100, { run: 8, fillMs: 50 });
    const bulk = child(pacer, { express: 0, bulk: 8 });
    vi.advanceTimersByTime(1_000);
    expect(Math.max(...bulk.runs.slice(1))).toBeLessThanOrEqual(6);
    expect(bulk.runs.length).toBeLessThanOrEqual(21);
    pacer.close();
    const urgent = pacerOf(100, { run: 8, fillMs: 50 });
    const express = child(urgent, { express: 8, bulk: 0 });
    vi.advanceTimersByTime(1_000);
    expect(express.runs.length).toBeGreaterThanOrEqual(90);
    urgent.close();
  });

  it('fills runs while the model is busy', () => {
    const pacer = pacerOf(100, { run: 8, fillMs: 0 });
    const runs: number[] = [];
    // A run takes 80 ms, in which eight tokens come.
    const grant = (count: number): void => {
      runs.push(count);
      setTimeout(() => pacer.request({ express: 0, bulk: 8 }, grant), 80);
    };
    pacer.request({ express: 0, bulk: 8 }, grant);
    vi.advanceTimersByTime(10_000);
    expect(runs.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(970);
    expect(Math.max(...runs)).toBe(8);
    pacer.close();
  });

  it('is free while neither rate nor allowance bounds it, and counts what runs then', () => {
    const pacer = new Pacer();
    const told: boolean[] = [];
    pacer.watch({ free: (isFree) => told.push(isFree) });
    pacer.lease(Infinity, performance.now() + 1_000);
    pacer.ran(5);
    expect(pacer.granted).toBe(5);
    vi.advanceTimersByTime(1_001);
    pacer.lease(Infinity, performance.now() + HOUR_MS);
    pacer.allow({ day: 'today', limit: 10, endsMs: performance.now() + HOUR_MS, expressBeyond: false });
    pacer.allow({ day: 'today', limit: Infinity, endsMs: performance.now() + HOUR_MS, expressBeyond: false });
    expect(told).toEqual([false, true, false, true, false, true]);
    expect(pacer.account).toEqual({ day: 'today', used: 5, limit: 5 });
    pacer.close();
  });

  it('grants nothing to who has withdrawn, and what was asked for last to who asks again', () => {
    const pacer = pacerOf(10, { run: 4, fillMs: 400 });
    const gone = (): void => expect.unreachable();
    pacer.request({ express: 0, bulk: 1 }, gone);
    pacer.withdraw(gone);
    const counts: number[] = [];
    const grant = (count: number): unknown => counts.push(count);
    pacer.request({ express: 0, bulk: 1 }, grant);
    pacer.request({ express: 0, bulk: 3 }, grant);
    vi.advanceTimersByTime(10_000);
    expect(counts).toEqual([3]);
    pacer.close();
  });
});

describe('the allowance of a day', () => {
  const today = (limit: number, more = {}) => ({
    ...{ day: '2026-03-29', limit, endsMs: performance.now() + HOUR_MS, expressBeyond: false },
    ...more,
  });

  it('is never passed, and says when it gets short', () => {
    const pacer = pacerOf(1_000, { run: 8 });
    let low = 0;
    pacer.watch({ low: () => (low += 1) });
    pacer.allow(today(30));
    const { total } = child(pacer, { express: 0, bulk: 8 });
    vi.advanceTimersByTime(5_000);
    expect(total()).toBe(30);
    expect(low).toBe(1);
    pacer.allow(today(50));
    vi.advanceTimersByTime(5_000);
    expect(total()).toBe(50);
    expect(pacer.account).toEqual({ day: '2026-03-29', used: 50, limit: 50 });
    pacer.close();
  });

  it('lets express go on where it may, and only express', () => {
    const pacer = pacerOf(1_000, { run: 8 });
    pacer.allow(today(10, { expressBeyond: true }));
    const bulk = child(pacer, { express: 0, bulk: 4 });
    vi.advanceTimersByTime(1_000);
    const express = child(pacer, { express: 1, bulk: 3 });
    vi.advanceTimersByTime(1_000);
    expect(bulk.total()).toBe(10);
    expect(express.total()).toBeGreaterThan(500);
    expect(Math.max(...express.runs)).toBe(1);
    pacer.close();
  });

  it('ends with the day', () => {
    const pacer = pacerOf(1_000);
    pacer.allow(today(1_000_000, { endsMs: performance.now() + 1_000 }));
    const { total } = child(pacer, { express: 0, bulk: 1 });
    vi.advanceTimersByTime(10_000);
    expect(total()).toBeGreaterThan(900);
    expect(total()).toBeLessThanOrEqual(1_000);
    const before = total();
    pacer.allow({ day: '2026-03-30', limit: 5, endsMs: performance.now() + HOUR_MS, expressBeyond: false });
    vi.advanceTimersByTime(10_000);
    expect(total() - before).toBe(5);
    pacer.close();
  });

  it('has again what was granted and did not run, and says so; of another day it has nothing', () => {
    const pacer = pacerOf(1_000, { run: 8, fillMs: 20 });
    let low = 0;
    pacer.watch({ low: () => (low += 1) });
    pacer.allow(today(8));
    const grants: ((images: number) => void)[] = [];
    pacer.request({ express: 0, bulk: 8 }, (_count, _atMs, unused) => grants.push(unused));
    const { total } = child(pacer, { express: 0, bulk: 8 });
    vi.advanceTimersByTime(1_000);
    expect([grants.length, total(), low]).toEqual([1, 0, 1]);
    grants[0]?.(3);
    vi.advanceTimersByTime(1_000);
    expect([total(), low]).toEqual([3, 2]);
    expect(pacer.account).toMatchObject({ used: 8, limit: 8 });
    pacer.allow({ ...today(2), day: '2026-03-30' });
    grants[0]?.(5);
    vi.advanceTimersByTime(1_000);
    expect(total()).toBe(3 + 2);
    expect(pacer.account).toEqual({ day: '2026-03-30', used: 2, limit: 2 });
    pacer.close();
  });

  it('gives back what is not used before it says so', () => {
    const pacer = pacerOf(1_000);
    pacer.allow(today(100));
    pacer.release();
    expect(pacer.account).toEqual({ day: '2026-03-29', used: 0, limit: 0 });
    const { total } = child(pacer, { express: 0, bulk: 1 });
    vi.advanceTimersByTime(1_000);
    expect(total()).toBe(0);
    pacer.close();
  });
});
