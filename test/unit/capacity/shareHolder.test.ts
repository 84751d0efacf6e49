import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ShareHolder, type Standing } from '../../../src/capacity/index.js';
import type { ShareReply, ShareRequest } from '../../../src/domain/index.js';
import { Pacer } from '../../../src/inference/index.js';
import { createLogger } from '../../../src/telemetry/index.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR_MS = 3_600_000;

function reply(more: Partial<ShareReply> = {}): ShareReply {
  const budget = { day: '2026-03-29', limit: null, endsInMs: HOUR_MS, expressBeyond: false, exhausted: false };
  return { revision: 1, leaseMs: 30_000, renewMs: 10_000, rate: 50, budget, ...more };
}

/** A holder whose every request waits for the answer of the test. */
function hold() {
  const asked: { request: ShareRequest; answer: (reply: ShareReply) => void; fail: (error: Error) => void }[] = [];
  const standings: Standing[] = [];
  const pacer = new Pacer();
  const holder = new ShareHolder({
    ...{ holder: 'detector/test', model: 'shapes', most: 80, slots: 4, pacer, log: createLogger('test', 'silent') },
    ask: (request) => new Promise((answer, fail) => asked.push({ request, answer, fail })),
    onStanding: (standing) => standings.push(standing),
  });
  holder.start();
  const next = async () => {
    await vi.advanceTimersByTimeAsync(0);
    const call = asked.shift();
    if (call === undefined) throw new Error('nothing was asked');
    return call;
  };
  return { holder, pacer, asked, standings, next };
}

describe('a holder of a share', () => {
  it('goes by what it was answered, and counts the end from before it asked', async () => {
    const { pacer, standings, next } = hold();
    const first = await next();
    expect(first.request).toMatchObject({ seq: 1, rate: 0, revision: 0, most: 80, slots: 4 });
    await vi.advanceTimersByTimeAsync(4_000);
    first.answer(reply());
    await vi.advanceTimersByTimeAsync(0);
    expect(pacer.rate).toBe(50);
    await vi.advanceTimersByTimeAsync(25_999);
    expect(pacer.rate).toBe(50);
    await vi.advanceTimersByTimeAsync(2);
    expect(pacer.rate).toBe(0);
    expect(standings.map(({ kind }) => kind)).toEqual(['standby', 'serves', 'standby']);
    expect(standings[2]).toMatchObject({ reason: 'unanswered' });
  });

  it('renews in time, with what it goes by and a higher number', async () => {
    const { next } = hold();
    (await next()).answer(reply({ revision: 7 }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await next()).request).toMatchObject({ seq: 2, rate: 50, revision: 7 });
  });

  it('says at once that it goes by less', async () => {
    const { next } = hold();
    (await next()).answer(reply());
    await vi.advanceTimersByTimeAsync(10_000);
    (await next()).answer(reply({ rate: 20, revision: 2 }));
    await vi.advanceTimersByTimeAsync(200);
    expect((await next()).request).toMatchObject({ seq: 3, rate: 20, revision: 2 });
  });

  it('asks again after an answer that did not come, and never two at a time', async () => {
    const { holder, asked, next } = hold();
    const first = await next();
    for (let turn = 0; turn < 20; turn += 1) {
      holder.renew();
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(asked).toHaveLength(0);
    first.fail(new Error('away'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await next()).request.seq).toBe(2);
  });

  it('stands by without a share, and says why', async () => {
    const { pacer, standings, next } = hold();
    (await next()).answer(reply({ rate: 0, standby: '2 of 2 planned detectors of shapes serve' }));
    await vi.advanceTimersByTimeAsync(0);
    expect(pacer.rate).toBe(0);
    expect(standings.at(-1)).toEqual({
      ...{ kind: 'standby', reason: 'planned', why: '2 of 2 planned detectors of shapes serve' },
    });
  });

  it('asks for more before the allowance of the day is used, and when the day ends', async () => {
    const { pacer, standings, next } = hold();
    const budget = { day: '2026-03-29', limit: 0, endsInMs: 5_000, expressBeyond: false, exhausted: true };
    (await next()).answer(reply({ budget }));
    await vi.advanceTimersByTimeAsync(0);
    expect(standings.at(-1)).toEqual({ kind: 'serves', isExhausted: true, expressBeyond: false });
    await vi.advanceTimersByTimeAsync(5_000);
    (await next()).answer(
      reply({ budget: { ...budget, day: '2026-03-30', limit: 40, endsInMs: HOUR_MS, exhausted: false } }),
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(pacer.left).toBe(40);
    // Nothing waits: what is left of it is given back with the next request.
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await next()).request.budget).toEqual({ day: '2026-03-30', used: 0, limit: 0 });
  });

  it('stops when its lease has run out by the clock of the day, which goes on while a machine is suspended', async () => {
    const { pacer, asked, standings, next } = hold();
    (await next()).answer(reply({ leaseMs: 30_000, renewMs: 20_000 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect([pacer.rate, asked.length]).toEqual([50, 0]);
    vi.setSystemTime(Date.now() + 30_000);
    await vi.advanceTimersByTimeAsync(1_010);
    expect(pacer.rate).toBe(0);
    expect(standings.at(-1)).toMatchObject({
      reason: 'unanswered',
      why: 'its lease has run out by the clock of the day',
    });
    (await next()).answer(reply());
    await vi.advanceTimersByTimeAsync(0);
    expect(pacer.rate).toBe(50);
  });

  it('gives its share back when it leaves, and waits for no answer for long', async () => {
    const { holder, pacer, asked, next } = hold();
    (await next()).answer(reply());
    await vi.advanceTimersByTimeAsync(0);
    const left = holder.leave();
    await vi.advanceTimersByTimeAsync(2_000);
    await left;
    expect(asked.at(-1)?.request).toMatchObject({ leaving: true, rate: 0, seq: 2 });
    expect(pacer.rate).toBe(0);
  });

  it('waits no longer while Temporal hangs on the request before', async () => {
    const { holder, asked, next } = hold();
    await next();
    const left = holder.leave();
    await vi.advanceTimersByTimeAsync(2_000);
    await left;
    expect(asked.at(-1)?.request).toMatchObject({ leaving: true, seq: 2 });
  });
});
