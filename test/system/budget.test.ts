import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fleet, NOOP } from './fleet.js';
import { eventually, imageCounts } from './pipeline.js';
import { penstock } from './program.js';
import { EARLIEST_ZONE, laterZone, untilRoomMs } from './zones.js';

let fleet: Fleet;
let fed: { prefix: string; images: number };

beforeEach(async () => {
  await sleep(untilRoomMs());
  fleet = await Fleet.connect();
}, 400_000);
afterEach(() => fleet.close(fed.prefix, fed.images));

const rows = async (prefix: string): Promise<number> => (await imageCounts(prefix)).rows;

/** Waits until so many are detected, and sees that no more are. */
async function upTo(prefix: string, images: number): Promise<void> {
  await eventually(
    () => rows(prefix),
    (count) => count >= images,
    60_000,
  );
  await sleep(4_000);
  expect(await rows(prefix)).toBe(images);
}

describe('the budget of a day', () => {
  it(
    'is used up and never passed, stops bulk, says so, and goes on when it is raised and with the next day',
    { timeout: 240_000 },
    async () => {
      const prefix = 'budget-images/';
      fed = { prefix, images: 1_200 };
      await fleet.change({ set: { model: NOOP, cap: 80 } });
      await fleet.detector();
      await fleet.detector();
      // What others have used of the day counts too.
      await fleet.change({ budget: { imagesPerDay: 1_000_000, timeZone: EARLIEST_ZONE } });
      const { used } = (await fleet.state()).budget;
      await fleet.change({ budget: { imagesPerDay: used + 400 } });
      await fleet.feed(prefix, 1_200);
      await upTo(prefix, 400);

      const exhausted = await eventually(
        () => fleet.state(),
        ({ budget }) => budget.exhausted,
        20_000,
      );
      expect(exhausted.budget).toMatchObject({ used: used + 400, left: 0 });
      expect(exhausted.window.lanes.map(({ stopped }) => stopped)).toEqual([
        expect.stringContaining('budget of the day is used up'),
        expect.stringContaining('budget of the day is used up'),
      ]);
      const { report } = await penstock('status');
      expect(report).toMatchObject({ capacity: { budget: { exhausted: true } } });

      await fleet.change({ budget: { imagesPerDay: used + 650 } });
      await upTo(prefix, 650);
      const { day } = (await fleet.state()).budget;
      await fleet.change({ budget: { imagesPerDay: 300, timeZone: laterZone() } });
      expect((await fleet.state()).budget.day > day, `another day than ${day}`).toBe(true);
      await upTo(prefix, 950);
    },
  );

  it(
    'lets express go on where it may, and misses at most what a killed detector had in hand',
    { timeout: 240_000 },
    async () => {
      const prefix = 'budget-killed/';
      fed = { prefix, images: 1_005 };
      await fleet.change({ set: { model: NOOP, cap: 40 } });
      const [killed] = [await fleet.detector(), await fleet.detector()];
      await fleet.change({ budget: { imagesPerDay: 1_000_000, timeZone: EARLIEST_ZONE, expressBeyond: true } });
      const { used } = (await fleet.state()).budget;
      await fleet.change({ budget: { imagesPerDay: used + 500 } });
      await fleet.feed(prefix, 1_000);
      await eventually(
        () => rows(prefix),
        (count) => count >= 100,
        30_000,
      );
      process.kill(killed.pid, 'SIGKILL');
      await eventually(
        () => fleet.state(),
        ({ budget }) => budget.exhausted,
        90_000,
      );
      await sleep(4_000);
      const detected = await rows(prefix);
      expect(detected).toBeLessThanOrEqual(500);
      // It had no more in hand than it could have used until the end of its lease.
      expect(detected).toBeGreaterThanOrEqual(500 - Math.ceil((20 * fleet.leaseMs) / 1000));

      await fleet.feed(`${prefix}urgent-`, 5, { lane: 'express' });
      await eventually(
        () => rows(`${prefix}urgent-`),
        (count) => count === 5,
        30_000,
      );
      expect((await rows(prefix)) - 5).toBe(detected);
    },
  );
});
