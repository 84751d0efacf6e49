import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CapOverTime, detectedAt, Fleet, NOOP, RUN, worstExcess } from './fleet.js';
import { eventually, imageCounts } from './pipeline.js';

const BULK = 100_000;
const EXPRESS = 10;
const CAP = 50;
const PREFIX = 'express-behind/';

let fleet: Fleet;

beforeEach(async () => {
  fleet = await Fleet.connect();
});
afterEach(() => fleet.close(PREFIX, BULK + EXPRESS));

describe('express images', () => {
  it(`are stored within 10 s while ${BULK} bulk images wait at a cap of ${CAP}/s`, { timeout: 240_000 }, async () => {
    const first = await fleet.change({ set: { model: NOOP, cap: CAP } });
    await fleet.detector();
    await fleet.feed(`${PREFIX}bulk-`, BULK);
    await eventually(
      () => imageCounts(PREFIX),
      ({ rows }) => rows >= 4 * CAP,
      60_000,
    );
    const from = Date.now();
    await fleet.feed(`${PREFIX}urgent-`, EXPRESS, { lane: 'express' });
    await eventually(
      () => imageCounts(`${PREFIX}urgent-`),
      ({ rows }) => rows >= EXPRESS,
      30_000,
    );
    expect(Date.now() - from).toBeLessThanOrEqual(10_000);
    // The backlog stands: nobody was served by it having gone.
    expect((await imageCounts(`${PREFIX}bulk-`)).rows).toBeLessThan(BULK / 10);
    expect(worstExcess(await detectedAt(PREFIX), new CapOverTime(first))).toBeLessThanOrEqual(RUN);
  });
});
