import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchProblems, watchServer } from '../../../src/service/index.js';
import { capturedLogger } from '../intake/capturedLogger.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const BOUNDS = { everyMs: 3_000, answerMs: 2_500, againMs: 500 };

describe('a watched server', () => {
  it('is away after two questions in a row that failed, and back with the first answer', async () => {
    let isUp = true;
    const server = watchServer(
      'Kafka',
      () => (isUp ? Promise.resolve() : Promise.reject(new Error('refused'))),
      BOUNDS,
    );
    await vi.advanceTimersByTimeAsync(1);
    isUp = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(server.problems()).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect(server.problems()).toEqual(['Kafka is away: refused']);
    isUp = true;
    await vi.advanceTimersByTimeAsync(600);
    expect(server.problems()).toEqual([]);
    server.stop();
  });

  it('is away when it takes the question and says nothing, and is asked one question at a time', async () => {
    let asked = 0;
    let answer: () => void = () => undefined;
    const ask = (): Promise<void> => {
      asked += 1;
      return new Promise((resolve, reject) => {
        answer = resolve;
        setTimeout(() => reject(new Error('late')), 2_600);
      });
    };
    const server = watchServer('the storage', ask, BOUNDS);
    await vi.advanceTimersByTimeAsync(2_550);
    expect([asked, server.problems()]).toEqual([1, []]);
    await vi.advanceTimersByTimeAsync(3_500);
    expect([asked, server.problems()]).toEqual([2, ['the storage is away: no answer within 2.5 s']]);
    await vi.advanceTimersByTimeAsync(300);
    answer();
    await vi.advanceTimersByTimeAsync(10);
    expect(server.problems()).toEqual([]);
    server.stop();
  });

  it('names the innermost reason', async () => {
    const wrapped = new Error('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    const server = watchServer('ClickHouse', () => Promise.reject(wrapped), BOUNDS);
    await vi.advanceTimersByTimeAsync(600);
    expect(server.problems()).toEqual(['ClickHouse is away: connect ECONNREFUSED']);
    server.stop();
  });
});

describe('what a role waits for', () => {
  it('is in its waits while it lasts, and logged when it changes, not while it lasts', async () => {
    const { log, lines } = capturedLogger();
    const waits = new Map<string, string>();
    let problems: string[] = [];
    const unwatch = watchProblems({ waits, log }, 'kafka', () => problems);
    problems = ['Kafka is away: refused', 'not in the group', 'not in the group'];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(waits).toEqual(new Map([['kafka', 'Kafka is away: refused; not in the group']]));
    problems = [];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waits.size).toBe(0);
    expect(lines.map(({ msg }) => msg)).toEqual(['Kafka is away: refused; not in the group', 'waits no longer']);
    unwatch();
  });

  it('is logged once in five seconds at most while its words change', async () => {
    const { log, lines } = capturedLogger();
    let looks = 0;
    const unwatch = watchProblems({ waits: new Map(), log }, 'kafka', () => [`problem ${(looks += 1)}`]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lines.length).toBeGreaterThanOrEqual(4);
    expect(lines.length).toBeLessThanOrEqual(6);
    unwatch();
  });
});
