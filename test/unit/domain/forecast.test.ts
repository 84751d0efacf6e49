import { expect, test } from 'vitest';
import { forecast, type ForecastInput } from '../../../src/domain/index.js';

const NOON = Date.parse('2026-03-28T11:00:00Z');
const INPUT: ForecastInput = {
  ...{ nowMs: NOON, backlog: 36_000, arrivingPerSecond: 0, imagesPerSecond: 10 },
  ...{ leftToday: null, perDay: null, dayEndsAtMs: Date.parse('2026-03-28T23:00:00Z') },
  ...{ timeZone: 'Europe/Berlin', pricePerImage: 0.001 },
};
const of = (change: Partial<ForecastInput>) => forecast({ ...INPUT, ...change });

test('a backlog clears at what is detected beyond what comes', () => {
  expect(of({})).toMatchObject({
    clearsInSeconds: 3_600,
    clearsAt: '2026-03-28T12:00:00.000Z',
    images: 36_000,
    cost: 36,
  });
  expect(of({ arrivingPerSecond: 5 })).toMatchObject({ clearsInSeconds: 7_200, images: 72_000, growsPerHour: null });
  expect(of({ backlog: 0, imagesPerSecond: 0 })).toMatchObject({ clearsInSeconds: 0, images: 0, cost: 0 });
  expect(of({ pricePerImage: null }).cost).toBeNull();
});

test('it never clears where more comes than is detected, or nothing is', () => {
  expect(of({ arrivingPerSecond: 12 })).toMatchObject({ clearsInSeconds: null, clearsAt: null, growsPerHour: 7_200 });
  expect(of({ imagesPerSecond: 0, arrivingPerSecond: 1 })).toMatchObject({
    clearsInSeconds: null,
    growsPerHour: 3_600,
  });
});

test('a budget stops it until the next day begins; that of the clock change is an hour shorter', () => {
  // 12,000 today, 12,000 on the 29th (23 h), the rest 1,200 s into the 30th.
  expect(of({ leftToday: 12_000, perDay: 12_000 })).toMatchObject({
    clearsInSeconds: (12 + 23) * 3_600 + 1_200,
    budgetStopsOn: '2026-03-28',
    images: 36_000,
  });
});

test('a budget below what comes is no clearing at all', () => {
  expect(of({ leftToday: 0, perDay: 86_400, arrivingPerSecond: 2 })).toMatchObject({
    ...{ clearsInSeconds: null, growsPerHour: 3_600, budgetStopsOn: '2026-03-28' },
  });
});

test('what takes longer than a year is not counted to its end', () => {
  expect(of({ backlog: 1e9, leftToday: 0, perDay: 1_000 })).toMatchObject({ clearsInSeconds: null, growsPerHour: 0 });
});
