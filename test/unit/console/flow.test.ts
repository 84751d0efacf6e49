import { expect, test } from 'vitest';
import { FlowWatch, sampleOf } from '../../../src/console/flow.js';
import type { StatusReport } from '../../../src/operations/index.js';

const report = (records: number, checkedAt = '2026-01-31T12:00:00.000Z'): StatusReport => ({
  ...{ checkedAt, healthy: true, batches: null, capacity: null, audit: null, forecast: null, rate: null },
  backlog: [
    { topic: 'penstock.image-events.bulk', group: 'd', lane: 'bulk', records, missing: 0 },
    { topic: 'penstock.image-results', group: 's', lane: null, records: 1_000, missing: 0 },
  ],
  ...{ expectedWaitSeconds: null, deadImages: null, deadLetters: null, roles: null, servers: {} },
});

test('a sample counts what waits in lanes, and leaves unknown what nobody said', () => {
  expect(sampleOf(report(7))).toEqual({
    ...{ at: '2026-01-31T12:00:00.000Z', backlog: 7, arriving: null, detected: null, cap: null, waitSeconds: null },
  });
});

test('those who ask at once share one look, and samples are bounded', async () => {
  let looks = 0;
  const flow = new FlowWatch({
    look: () => Promise.resolve(report((looks += 1))),
    onError: (error) => {
      throw error;
    },
    everyMs: 1,
    freshMs: 0,
  });
  const all = await Promise.all([flow.status(), flow.status(), flow.status()]);
  expect(new Set(all).size).toBe(1);
  await expect.poll(() => flow.samples.length, { timeout: 20_000 }).toBe(960);
  await expect.poll(() => flow.samples[0]?.backlog ?? 0, { timeout: 5_000 }).toBeGreaterThan(3);
  flow.close();
  expect(flow.samples.length).toBe(960);
});

test('a look that fails is told, leaves no sample, and the next one is another', async () => {
  const told: unknown[] = [];
  let isAway = true;
  const flow = new FlowWatch({
    look: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(report(1))),
    onError: (error) => told.push(error),
    everyMs: 60_000,
  });
  await expect(flow.status()).rejects.toThrow('away');
  expect(told).toEqual([new Error('away')]);
  expect(flow.samples).toEqual([]);
  isAway = false;
  await expect(flow.status()).resolves.toMatchObject({ healthy: true });
  flow.close();
});

test('who asks within ten seconds of a look is given what it saw, and it is one point of the chart', async () => {
  let looks = 0;
  const flow = new FlowWatch({
    look: () => Promise.resolve(report((looks += 1))),
    onError: (error) => {
      throw error;
    },
    everyMs: 1,
  });
  const first = await flow.status();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await flow.status()).toBe(first);
  flow.close();
  expect([looks, flow.samples.length]).toEqual([1, 1]);
});
