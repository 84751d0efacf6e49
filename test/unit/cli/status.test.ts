import { expect, test } from 'vitest';
import type { AuditOutcome, CapacityState, OpenBreaker } from '../../../src/domain/index.js';
import { statusTable } from '../../../src/cli/status/text.js';
import { expectedWait } from '../../../src/operations/forecast.js';
import { expectedRoles } from '../../../src/operations/health.js';
import { duration, HEALTHY, unhealthy } from '../../../src/operations/index.js';
import { waitingLane } from '../../../src/operations/questions.js';
import { statusReport, type Answers } from '../../../src/operations/statusReport.js';

const NOW = new Date('2026-01-31T12:00:00Z');

function answers(change: Partial<Answers> = {}): Answers {
  const lane = (
    name: string,
    records: number,
  ): { topic: string; group: string; lane: string; records: number; missing: number } => ({
    topic: `penstock.image-events.${name}`,
    group: `penstock.dispatcher.${name}`,
    lane: name,
    records,
    missing: 0,
  });
  // The sink reads the lanes too: these events do not wait for detection a second time.
  const uploads = { ...lane('bulk', 70_000), group: 'penstock.sink', lane: null };
  const results = { topic: 'penstock.image-results', group: 'penstock.sink', lane: null, records: 1000, missing: 0 };
  return {
    kafka: { health: HEALTHY, answer: [lane('bulk', 580), lane('express', 20), uploads, results] },
    temporal: {
      health: HEALTHY,
      answer: { open: 3, images: 96, failedLastDay: 1, breakers: [], capacity: null, audit: null },
    },
    arrivals: 1,
    clickhouse: {
      health: HEALTHY,
      answer: { lastMinute: 120, deadImages: { GONE: 2 }, deadLetters: {} },
    },
    gcs: HEALTHY,
    roles: { intake: HEALTHY, sink: HEALTHY },
    ...change,
  };
}

test('the expected wait is what waits in the lanes at the rate of the last minute; results do not wait for detection', () => {
  expect(statusReport(answers(), NOW)).toMatchObject({
    checkedAt: '2026-01-31T12:00:00.000Z',
    healthy: true,
    rate: { storedLastMinute: 120, imagesPerSecond: 2 },
    expectedWaitSeconds: 300,
  });
});

test('an image waits in its lane for the dispatcher alone, whoever else reads the lane', () => {
  const of = (topic: string, group: string) => waitingLane(topic, group, ['bulk', 'express']);
  expect(of('penstock.image-events.bulk', 'penstock.dispatcher.bulk')).toBe('bulk');
  expect(of('penstock.image-events.bulk', 'penstock.sink')).toBeNull();
  expect(of('penstock.image-results', 'penstock.sink')).toBeNull();
});

test('the expected wait is nothing when nothing waits, and unknown when nothing moves', () => {
  expect([expectedWait(0, 0), expectedWait(0, 5), expectedWait(10, 0), expectedWait(10, 4)]).toEqual([0, 0, null, 2.5]);
});

test('a server that is away shows as such, and the rest is still shown', () => {
  const report = statusReport(
    answers({ clickhouse: { health: unhealthy('no answer within 6 s'), answer: null }, gcs: null }),
    NOW,
  );
  expect(report).toMatchObject({ healthy: false, rate: null, expectedWaitSeconds: null, deadImages: null });
  expect(report.batches).toEqual({ open: 3, images: 96, failedLastDay: 1, breakers: [] });
  expect(Object.keys(report.servers)).toEqual(['kafka', 'temporal', 'clickhouse']);
  const table = statusTable(report);
  expect(table).toMatch(/clickhouse\s+│ no answer within 6 s/);
  expect(table).toMatch(/lane bulk\s+│ 580 waiting/);
  expect(table).toMatch(/image-events.bulk for sink\s+│ 70000 waiting/);
  expect(table).toMatch(/expected wait\s+│ unknown/);
});

test('a role that waits for something is not healthy, and says what it waits for', () => {
  const roles = { sink: { healthy: false, waits: { kafka: 'joining the group' }, problem: null } };
  const report = statusReport(answers({ roles }), NOW);
  expect(report.healthy).toBe(false);
  expect(statusTable(report)).toMatch(/sink\s+│ kafka: joining the group/);
});

test('records that were deleted before they were read are not healthy', () => {
  const kafka = {
    health: HEALTHY,
    answer: [{ topic: 'penstock.image-results', group: 'penstock.sink', lane: null, records: 0, missing: 7 }],
  };
  const report = statusReport(answers({ kafka }), NOW);
  expect(report.healthy).toBe(false);
  expect(statusTable(report)).toContain('7 are missing');
});

test('a role of every stack that does not run is expected all the same; a stack of servers only expects none', () => {
  const metrics = { intake: 'http://127.0.0.1:1/metrics', 'detector-2': 'http://127.0.0.1:2/metrics' };
  expect(expectedRoles({ metrics })).toEqual([
    'console',
    'intake',
    'dispatcher',
    'detector',
    'orchestrator',
    'ingester',
    'sink',
    'detector-2',
  ]);
  expect(expectedRoles({ metrics: {} })).toEqual([]);
});

test('durations read like durations', () => {
  expect([0, 41.2, 60, 3599, 3600, 7500].map(duration)).toEqual([
    '0 s',
    '42 s',
    '1 min 0 s',
    '59 min 59 s',
    '1 h 0 min',
    '2 h 5 min',
  ]);
});

test('an open circuit breaker is not healthy and says why; one that a person opened is no fault', () => {
  const breaker = {
    ...{ bucket: 'uploads', model: 'shapes', reason: 'FORBIDDEN' as const, detail: '403', failing: 24, of: 30 },
    ...{ openedAtMs: NOW.getTime(), nextProbeAtMs: NOW.getTime() + 30_000, probes: 0 },
  };
  const temporal = (open: OpenBreaker[] | null) => ({
    health: HEALTHY,
    answer: { open: 3, images: 96, failedLastDay: 1, breakers: open, capacity: null, audit: null },
  });
  const report = statusReport(answers({ temporal: temporal([breaker]) }), NOW);
  expect(report.healthy).toBe(false);
  expect(statusTable(report)).toContain(
    'gs://uploads under shapes is held since 2026-01-31T12:00:00.000Z: 24 of 30 images failed, most FORBIDDEN (403); ' +
      'next probe 2026-01-31T12:00:30.000Z',
  );
  expect(statusReport(answers({ temporal: temporal([{ ...breaker, reason: 'BY_HAND' }]) }), NOW).healthy).toBe(true);
  expect(statusTable(statusReport(answers({ temporal: temporal(null) }), NOW))).toMatch(/circuit breakers\s+│ unknown/);
});

test('the forecast goes by what detectors have leased, and says when the backlog clears and what it costs', () => {
  const holder = {
    ...{ holder: 'd', rate: 50, most: 60, slots: 4, standby: false, expiresAtMs: NOW.getTime() },
    waiting: { express: 0, bulk: 1 },
  };
  const capacity: CapacityState = {
    ...{ revision: 1, leaseMs: 30_000, paused: null, unrecorded: 0, changes: [] },
    models: [
      {
        ...{ model: 'shapes', cap: 50, capFrom: 'person', planned: null, plannedFrom: 'configuration', leased: 50 },
        holders: [holder],
      },
    ],
    window: { places: 12, lanes: [], holders: [] },
    budget: {
      ...{ imagesPerDay: 10_000, moneyPerDay: null, pricePerDetectorHour: 1, currency: 'EUR', timeZone: 'UTC' },
      ...{ expressBeyond: false, from: 'person', day: '2026-01-31', dayEndsAtMs: NOW.getTime() + 43_200_000 },
      ...{ used: 0, committed: 0, left: 10_000, spent: 0, pricePerImage: 0.001, exhausted: false },
    },
  };
  const of = (state: CapacityState, arrivals: number) =>
    statusReport(
      answers({
        arrivals,
        temporal: {
          health: HEALTHY,
          answer: { open: 3, images: 300, failedLastDay: 0, breakers: [], capacity: state, audit: null },
        },
      }),
      NOW,
    );
  // 600 wait in the lanes and 300 in batches; 30 a second are gained.
  const report = of(capacity, 20);
  expect(report.forecast).toMatchObject({ clearsInSeconds: 30, images: 1_500, cost: 1.5, budgetStopsOn: null });
  expect(report.expectedWaitSeconds).toBe(12);
  const table = statusTable(report);
  expect(table).toMatch(/cap of shapes\s+│ 50 images\/s; 50 images\/s leased to 1 detectors/);
  expect(table).toMatch(/clears at \d\d:\d\d \(in 30 s\) at 50 images\/s against 20 arriving; costs 1.50 EUR/);
  expect(table).toMatch(/budget of the day\s+│ 0 images used, 10000 left/);
  expect(statusTable(of(capacity, 60))).toContain('never clears: grows by 215583 images an hour at 50 images/s');
  const paused = of({ ...capacity, paused: { who: 'ana', why: 'move', sinceMs: 0 } }, 20);
  expect(paused).toMatchObject({
    expectedWaitSeconds: null,
    forecast: { clearsInSeconds: null, growsPerHour: 72_000 },
  });
  expect(statusTable(paused)).toMatch(/paused\s+│ by ana: move/);
  expect(of({ ...capacity, models: [] }, 0).forecast).toMatchObject({ imagesPerSecond: 2 });
});

test('the last audit by schedule is told where there was one', () => {
  const report = statusReport(answers(), NOW);
  expect(statusTable(report)).not.toContain('last audit');
  const audit: AuditOutcome = {
    ...{ checkedAt: '2026-01-31T11:00:00.000Z', from: '', to: '', missing: 2, listed: [], sinkBehind: 0 },
    buckets: [{ bucket: 'a', notReceived: 2, notStored: 0, problem: 'forbidden: 403' }],
  };
  expect(statusTable({ ...report, audit })).toMatch(
    /last audit\s+│ 2 missing, 2026-01-31T11:00:00.000Z; 1 of 1 buckets could not be listed whole/,
  );
});
