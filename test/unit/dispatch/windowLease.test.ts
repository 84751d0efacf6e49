import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dispatchMetrics } from '../../../src/dispatch/metrics.js';
import { Window } from '../../../src/dispatch/window.js';
import { WindowLease, type WindowLeaseOptions } from '../../../src/dispatch/windowLease.js';
import type { WindowReply, WindowRequest } from '../../../src/domain/index.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

const SOON_MS = 20;
const never = (): Promise<void> => new Promise(() => undefined);

let lease: WindowLease | undefined;
afterEach(() => lease?.close());

/** A workflow that answers what a test says, and keeps what it was asked. */
function setUp(says: { leaseMs?: number; renewMs?: number } = {}, overrides: Partial<WindowLeaseOptions> = {}) {
  const windows = new Map([['bulk', new Window()]]);
  const window = windows.get('bulk') ?? new Window();
  const asked: WindowRequest[] = [];
  const answer = { revision: 1, leaseMs: 60_000, renewMs: 20_000, places: 4, stopped: '', ...says };
  const state = { isAway: false, holders: 1 };
  const waits = new Map<string, string>();
  const ask = (request: WindowRequest): Promise<WindowReply> => {
    if (state.isAway) return Promise.reject(new Error('away'));
    asked.push(request);
    const { revision, leaseMs, renewMs, places, stopped } = answer;
    return Promise.resolve({
      ...{ revision, leaseMs, renewMs, lanes: [{ lane: 'bulk', places: stopped === '' ? places : 0 }] },
      stopped: stopped === '' ? [] : [{ lane: 'bulk', why: stopped }],
    });
  };
  lease = new WindowLease({
    ...{ holder: 'dispatcher/test/1', windows, ask, waits, soonMs: SOON_MS, pollMs: 10, handoverMs: 200 },
    look: () => Promise.resolve({ revision: answer.revision, holders: state.holders }),
    metrics: dispatchMetrics(createMetrics('test')),
    log: createLogger('test', 'silent'),
    ...overrides,
  });
  return { lease, window, asked, answer, state, waits };
}

const until = (holds: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(holds()).toBe(true), { timeout: 3_000, interval: 5 });

describe('a lease of places in the window', () => {
  it('gives a window its places, and says that it goes by them, each request with a higher number', async () => {
    const { window, asked } = setUp();
    expect(window.isFull).toBe(true);
    await until(() => asked.length === 2);
    expect(window.places).toBe(4);
    expect(asked.map(({ seq, revision, lanes }) => [seq, revision, lanes[0]?.places])).toEqual([
      [1, 0, 0],
      [2, 1, 4],
    ]);
    await sleep(5 * SOON_MS);
    expect(asked).toHaveLength(2);
  });

  it('ends by itself: no place is left, and the role says what it waits for, until it is renewed', async () => {
    const { window, state, waits, asked } = setUp({ leaseMs: 300, renewMs: 100 });
    await until(() => window.places === 4);
    expect(waits.size).toBe(0);
    state.isAway = true;
    const lastAsked = asked.length;
    await until(() => waits.has('capacity'));
    expect([window.places, window.isFull]).toEqual([0, true]);
    state.isAway = false;
    await until(() => window.places === 4);
    expect([waits.size, asked[lastAsked]?.lanes[0]?.places]).toEqual([0, 0]);
  });

  it('counts from before it was asked for: an answer that comes after that gives nothing', async () => {
    const answer = { revision: 1, leaseMs: 50, renewMs: 10_000, stopped: [] };
    const { window, waits } = setUp(
      {},
      {
        ask: async () => {
          await sleep(80);
          return { ...answer, lanes: [{ lane: 'bulk', places: 4 }] };
        },
      },
    );
    await until(() => waits.has('capacity'));
    expect(window.places).toBe(0);
  });

  it('is asked for again at once when a lane begins to want room, and not again and again while it does', async () => {
    const { window, asked } = setUp();
    await until(() => asked.length === 2);
    void window.room(1);
    await until(() => asked.length === 3);
    expect(asked[2]?.lanes[0]?.wants).toBe(true);
    for (let partition = 0; partition < 10; partition += 1) void window.room(partition);
    await sleep(5 * SOON_MS);
    expect(asked).toHaveLength(3);
  });

  it('is asked for again when the revision is another, and when it gives less: that says that it goes by it', async () => {
    const { window, asked, answer } = setUp();
    await until(() => asked.length === 2);
    Object.assign(answer, { places: 2, revision: 5 });
    await until(() => asked.length === 4);
    expect(asked.slice(2).map(({ revision, lanes }) => [revision, lanes[0]?.places])).toEqual([
      [1, 4],
      [5, 2],
    ]);
    expect(window.places).toBe(2);
  });

  it('says soon that a batch has ended which was open beyond the places', async () => {
    const { window, asked, answer } = setUp();
    answer.places = 1;
    const ends: (() => void)[] = [];
    for (const id of ['a', 'b', 'c']) window.hold(id, () => new Promise<void>((resolve) => ends.push(resolve)));
    await until(() => asked.length === 2);
    ends[0]?.();
    await until(() => asked.length === 3);
    expect(asked[2]?.lanes[0]?.open).toBe(2);
  });

  it('asks less and less often for places that it is owed and does not get', async () => {
    const { asked } = setUp({ renewMs: 20 });
    await sleep(1_000);
    expect(asked.length).toBeGreaterThan(3);
    // 20 ms doubled each time; fifty if it did not.
    expect(asked.length).toBeLessThan(10);
  });

  it('shows why no batch is started, and starts again after that', async () => {
    const metrics = createMetrics('test');
    const { window, answer } = setUp({}, { metrics: dispatchMetrics(metrics) });
    Object.assign(answer, { stopped: 'paused by ana: a test', revision: 2 });
    const text = (): Promise<string> => metrics.registry.metrics();
    await vi.waitFor(async () => expect(await text()).toMatch(/penstock_dispatcher_stopped{.*lane="bulk".*} 1/));
    expect(window.isFull).toBe(true);
    Object.assign(answer, { stopped: '', revision: 3 });
    await until(() => window.places === 4);
    expect(await text()).toMatch(/penstock_dispatcher_stopped{.*lane="bulk".*} 0/);
  });

  it('is given back when the role stops, though nobody answers in time', async () => {
    const { lease: one, window, asked, state } = setUp();
    await until(() => asked.length === 2);
    await one.close();
    expect([asked.at(-1)?.leaving, asked.at(-1)?.seq, window.isFull]).toEqual([true, 3, true]);
    state.isAway = true;
    await one.close();
  });

  it('leaves others time to count what stays open, with no place of its own meanwhile', async () => {
    const { lease: one, window, asked, state } = setUp();
    state.holders = 2;
    window.hold('open', never);
    await until(() => asked.length === 2);
    const before = performance.now();
    await one.close();
    expect(performance.now() - before).toBeGreaterThan(150);
    const [last, leaving] = asked.slice(-2);
    expect([last?.leaving, last?.lanes[0]]).toEqual([
      undefined,
      { lane: 'bulk', open: 1, places: 0, wants: false, partitions: 0, of: 0 },
    ]);
    expect(leaving?.leaving).toBe(true);
  });
});
