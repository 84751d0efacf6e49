import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  createHostPace,
  localReserve,
  type Clock,
  type HostPace,
  type ReserveSlots,
} from '../../../../src/datasets/http/index.js';
import { fetchAll, idsOf, numbered, startApi } from './fetching.js';

const never = new AbortController().signal;
// Many wait with it at once.
setMaxListeners(0, never);

interface VirtualClock extends Clock {
  run: (work: Promise<unknown>) => Promise<void>;
}

/** Time that goes on when everyone waits for it. */
function virtualClock(): VirtualClock {
  let now = 0;
  let waiting: { until: number; wake: () => void }[] = [];
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const goOn = (): void => {
    now = Math.min(...waiting.map(({ until }) => until));
    const due = waiting.filter(({ until }) => until <= now);
    waiting = waiting.filter(({ until }) => until > now);
    for (const { wake } of due) wake();
  };
  return {
    now: () => now,
    sleep: (ms) => new Promise((wake) => waiting.push({ until: now + ms, wake })),
    run: async (work) => {
      const state = { isDone: false };
      const done = work.finally(() => (state.isDone = true));
      done.catch(() => undefined);
      await settle();
      while (!state.isDone) {
        goOn();
        await settle();
      }
      await done;
    },
  };
}

/** Most of these times in a window of a second that begins with one of them. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(...times.map((first) => times.filter((at) => at >= first && at < first + 1_000).length));
}

describe('over virtual time', () => {
  test.each([0.5, 1, 3, 5, 40, 1_000])(
    '%d a second is reached and never passed, by one fetch or ten',
    async (perSecond) => {
      for (const fetches of [1, 10]) {
        const clock = virtualClock();
        const pace = createHostPace(localReserve(clock), clock);
        const times: number[] = [];
        const count = Math.max(20, perSecond * 2);
        const fetch = async (): Promise<void> => {
          for (let index = 0; index < count / fetches; index += 1) {
            await pace.take('api.example', perSecond, never);
            times.push(clock.now());
          }
        };
        await clock.run(Promise.all(Array.from({ length: fetches }, fetch)));
        // The clock wakes at whole milliseconds.
        expect(mostInASecond(times)).toBeLessThanOrEqual(Math.ceil(perSecond) + 1);
        expect(Math.max(...times)).toBeLessThan((count / perSecond) * 1_000 * 1.1);
      }
    },
  );

  test('processes that share a reservation never pass its rate together', async () => {
    const clock = virtualClock();
    const reserve = localReserve(clock);
    const times: number[] = [];
    const run = async (slowMs: number): Promise<void> => {
      const pace = createHostPace(reserve, clock);
      for (let index = 0; index < 40; index += 1) {
        await pace.take('api.example', 8, never);
        times.push(clock.now());
        await clock.sleep(slowMs, never);
      }
    };
    await clock.run(Promise.all([run(1), run(130), run(777), run(60)]));
    expect(times.length).toBe(160);
    expect(mostInASecond(times)).toBeLessThanOrEqual(8);
  });

  test('a host that was left alone owes no burst', async () => {
    const clock = virtualClock();
    const pace = createHostPace(localReserve(clock), clock);
    const times: number[] = [];
    await clock.run(
      (async () => {
        for (let index = 0; index < 30; index += 1) {
          if (index === 15) await clock.sleep(60_000, never);
          await pace.take('api.example', 5, never);
          times.push(clock.now());
        }
      })(),
    );
    expect(mostInASecond(times)).toBeLessThanOrEqual(5);
    for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThan(199);
  });

  test('slots that were missed while the process stood still are let go, not used at once', async () => {
    const clock = virtualClock();
    // From the first to the second second the process stands still.
    const late: Clock = {
      now: () => clock.now(),
      sleep: (ms, signal) => {
        const until = clock.now() + ms;
        return clock.sleep(until > 1_000 && until < 2_000 ? 2_000 - clock.now() : ms, signal);
      },
    };
    const times: number[] = [];
    const pace = createHostPace(localReserve(clock), late);
    const take = async (): Promise<void> => {
      await pace.take('api.example', 10, never);
      times.push(clock.now());
    };
    await clock.run(Promise.race([Promise.all(Array.from({ length: 40 }, take)), clock.sleep(60_000, never)]));
    expect(mostInASecond(times)).toBeLessThanOrEqual(10);
  });

  test('slots come in blocks of up to a second while they are used, and of fewer for a slow fetch', async () => {
    const clock = virtualClock();
    const blocks: number[] = [];
    const local = localReserve(clock);
    const reserve: ReserveSlots = (host, perSecond, most) => {
      blocks.push(most);
      return local(host, perSecond, most);
    };
    const take = async (pace: HostPace, slowMs: number): Promise<void> => {
      for (let index = 0; index < 40; index += 1) {
        await pace.take('api.example', 10, never);
        await clock.sleep(slowMs, never);
      }
    };
    await clock.run(take(createHostPace(reserve, clock), 1));
    expect(blocks.slice(0, 6)).toEqual([1, 1, 2, 4, 8, 10]);
    blocks.length = 0;
    const began = clock.now();
    await clock.run(take(createHostPace(reserve, clock), 300));
    // It waits for no slot, since none is taken that it does not need.
    expect(clock.now() - began).toBeLessThan(40 * 300 + 1_100);
    expect(new Set(blocks.slice(2))).toEqual(new Set([1]));
  });

  test('the least of the rates that are asked for a host counts', async () => {
    const clock = virtualClock();
    const pace = createHostPace(localReserve(clock), clock);
    const times: number[] = [];
    const fetch = async (perSecond: number): Promise<void> => {
      for (let index = 0; index < 20; index += 1) {
        await pace.take('api.example', perSecond, never);
        times.push(clock.now());
      }
    };
    await clock.run(Promise.all([fetch(2), fetch(50)]));
    expect(mostInASecond(times.filter((at) => at > 1_000))).toBeLessThanOrEqual(2);
  });

  test('hosts do not wait for each other', async () => {
    const clock = virtualClock();
    const pace = createHostPace(localReserve(clock), clock);
    await clock.run(Promise.all(['a', 'b', 'c'].map((host) => pace.take(host, 0.01, never))));
    expect(clock.now()).toBe(0);
  });
});

test('a wait for a turn ends with the signal, for its slot and for the reservation', async () => {
  const stop = new AbortController();
  const stuck = createHostPace(() => new Promise(() => undefined));
  const later = createHostPace(() => Promise.resolve({ delaysMs: [60_000] }));
  const waits = [stuck, later].map((pace) => pace.take('x', 1, stop.signal));
  setTimeout(() => stop.abort(new Error('the worker stops')), 20);
  for (const wait of await Promise.allSettled(waits)) expect(wait.status).toBe('rejected');
});

test('a reservation that fails fails those who wait for it, and the next one is a new one', async () => {
  let asked = 0;
  const pace = createHostPace(() => {
    asked += 1;
    return asked === 1 ? Promise.reject(new Error('Temporal is away')) : Promise.resolve({ delaysMs: [0, 0] });
  });
  const both = await Promise.allSettled([pace.take('x', 5, never), pace.take('x', 5, never)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await pace.take('x', 5, never);
  expect(asked).toBe(2);
});

test('a reservation of nothing is an error, not a wait without an end', async () => {
  const pace = createHostPace(() => Promise.resolve({ delaysMs: [] }));
  await expect(pace.take('x', 5, never)).rejects.toThrow('no slot was reserved');
});

test('an API sees no more than its rate, from several fetches at once', async () => {
  const perSecond = 20;
  const api = await startApi({ records: numbered(28), pageSize: 2 });
  const shared = createHostPace(localReserve());
  const begun: number[] = [];
  const pace: HostPace = {
    take: async (...turn) => {
      await shared.take(...turn);
      begun.push(performance.now());
    },
  };
  const source = { ...api.source, requestsPerSecond: perSecond };
  const fetched = await Promise.all([1, 2, 3].map(() => fetchAll(source, { pace })));
  for (const pages of fetched) expect(idsOf(pages).length).toBe(28);
  expect(begun.length).toBe(45);
  expect(mostInASecond(begun)).toBeLessThanOrEqual(perSecond);
  // Requests travel for different times, on a busy machine for long: so much shorter is the window at the API.
  const travelled = Math.max(...api.requests.map(({ at }, index) => at - (begun[index] ?? 0)));
  expect(api.requests.length).toBe(45);
  expect(api.highestRate(1_000 - travelled)).toBeLessThanOrEqual(perSecond);
});

describe('where a reservation takes its time', () => {
  /** As Temporal's: what is asked for counts from when it is heard, half way, and is answered later. */
  function slowReserve(clock: Clock, waits: () => number): ReserveSlots {
    const local = localReserve(clock);
    return async (host, perSecond, most) => {
      const [there, back] = [waits(), waits()];
      await clock.sleep(there, never);
      const answer = await local(host, perSecond, most);
      await clock.sleep(back, never);
      return answer;
    };
  }

  async function timesOf(waits: () => number, fetches: number): Promise<number[]> {
    const [perSecond, count] = [20, 600];
    const clock = virtualClock();
    const pace = createHostPace(slowReserve(clock, waits), clock);
    const times: number[] = [];
    const fetch = async (): Promise<void> => {
      while (times.length < count) {
        await pace.take('api.example', perSecond, never);
        times.push(clock.now());
      }
    };
    await clock.run(Promise.all(Array.from({ length: fetches }, fetch)));
    return times;
  }

  test.each([1, 3])(
    'no slot passes unused meanwhile: %d fetches ask at more than 0.95 of the rate',
    async (fetches) => {
      const times = await timesOf(() => 60, fetches);
      const seconds = ((times.at(-1) ?? 0) - (times[100] ?? 0)) / 1_000;
      expect((times.length - 101) / seconds).toBeGreaterThan(0.95 * 20);
      expect(mostInASecond(times)).toBeLessThanOrEqual(20);
    },
  );

  test('an answer that comes faster than the one before brings no slot too close', async () => {
    let asked = 0;
    const times = await timesOf(() => ((asked += 1) % 4 < 2 ? 190 : 5), 3);
    expect(mostInASecond(times)).toBeLessThanOrEqual(20);
  });
});
