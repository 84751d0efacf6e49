import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectedAt, Fleet, NOOP } from './fleet.js';
import { eventually } from './pipeline.js';
import { penstock } from './program.js';

const PREFIX = 'forecast/';
const CAP = 45;
const ARRIVING = 15;
/** Clears in more than a minute and a half: what is on its way when nothing waits is little beside it. */
const BURST = 5_200;
/** Arrivals are those of the last minute; the burst must be older. */
const MINUTE_MS = 66_000;

const WINDOW_MS = 5_000;

/**
 * The moment from which on images are detected as they come, and no more at the cap: the middle of the last window whose
 * rate is nearer to the cap than to the arrivals.
 */
function busyUntil(at: readonly number[]): number {
  const images = ((CAP + ARRIVING) / 2) * (WINDOW_MS / 1000);
  const last = at.findLastIndex((ms, first) => (at[first + images - 1] ?? Infinity) < ms + WINDOW_MS);
  return (at[last] ?? Infinity) + WINDOW_MS / 2;
}

let fleet: Fleet;
let fed = BURST;

beforeEach(async () => {
  fleet = await Fleet.connect();
});
afterEach(() => fleet.close(PREFIX, fed));

describe('the forecast of penstock status', () => {
  it('is within 10 % of when the backlog then clears, with steady arrivals', { timeout: 420_000 }, async () => {
    await fleet.change({ set: { model: NOOP, cap: CAP } });
    await fleet.detector();
    const startedAt = performance.now();
    await fleet.feed(PREFIX, BURST);
    let feeding = Promise.resolve();
    const arrivals = setInterval(() => {
      // By the clock: a timer that is late is made up for.
      const due = BURST + Math.floor(((performance.now() - startedAt) / 1000) * ARRIVING) - fed;
      const from = fed;
      fed += due;
      feeding = feeding.then(() => fleet.feed(PREFIX, due, { from }));
    }, 500);
    try {
      await sleep(MINUTE_MS);
      const { report } = await penstock('status');
      const { forecast, checkedAt } = report as { checkedAt: string; forecast: { clearsInSeconds: number } | null };
      const foreseen = forecast?.clearsInSeconds ?? Number.NaN;
      expect(foreseen).toBeGreaterThan(20);
      const clearedAtMs = await eventually(
        async () => busyUntil(await detectedAt(PREFIX)),
        (ms) => Date.now() > ms + 2 * WINDOW_MS,
        3 * foreseen * 1000,
      );
      const took = (clearedAtMs - Date.parse(checkedAt)) / 1000;
      expect(Math.abs(took - foreseen) / foreseen, `${foreseen} s foreseen, ${took} s taken`).toBeLessThanOrEqual(0.1);
    } finally {
      clearInterval(arrivals);
      await feeding;
    }
  });
});
