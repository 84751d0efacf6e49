import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../src/embedded/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { CapOverTime, detectedAt, Fleet, NOOP, NOOP_DIR, RUN, worstExcess } from './fleet.js';
import { eventually, imageCounts, useStack } from './pipeline.js';

const BULK = 100_000;
const EXPRESS = 10;
const CAP = 50;
const PREFIX = 'express-behind/';

let folder: string;
let stack: Stack;
let fleet: Fleet;

/** A stack of its own, which ends with its backlog: to work it off would take minutes. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-express-'));
  stack = await startStack({
    ...{ dataDir: folder, modelDir: NOOP_DIR, log: createLogger('express', 'silent') },
    environment: { PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' },
  });
  useStack(folder);
  fleet = await Fleet.connect();
});

afterAll(async () => {
  await fleet.close(PREFIX, 0);
  await stack.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

describe('express images', () => {
  it(`are stored within 10 s while ${BULK} bulk images wait at a cap of ${CAP}/s`, { timeout: 240_000 }, async () => {
    const first = await fleet.change({ set: { model: NOOP, cap: CAP } });
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
