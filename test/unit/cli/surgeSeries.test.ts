import { expect, test } from 'vitest';
import {
  allowedInWindow,
  meansOf,
  plateauOf,
  surgeSeries,
  worstWindow,
  type SurgeTimes,
} from '../../../src/cli/demo/surge/series.js';

const START_MS = 1_700_000_000_000;

/** 100 a second come for two seconds, 10 a second are detected, in order, from the first second on. */
function steadySurge(): SurgeTimes[] {
  return Array.from({ length: 200 }, (_, index) => ({
    receivedAtMs: START_MS + index * 10,
    detectedAtMs: START_MS + 1000 + index * 100,
  }));
}

test('the series counts arrivals, detections, what waits and how long, second by second', () => {
  const series = surgeSeries(steadySurge());
  expect(series).toHaveLength(21);
  expect(series.slice(0, 4)).toEqual([
    { second: 0, arrivals: 100, detections: 0, backlog: 100, waitMs: null },
    { second: 1, arrivals: 100, detections: 10, backlog: 190, waitMs: { p50: 1360, p95: 1810 } },
    { second: 2, arrivals: 0, detections: 10, backlog: 180, waitMs: { p50: 2260, p95: 2710 } },
    { second: 3, arrivals: 0, detections: 10, backlog: 170, waitMs: { p50: 3160, p95: 3610 } },
  ]);
  expect(series.at(-1)).toMatchObject({ second: 20, backlog: 0 });
  expect(surgeSeries([])).toEqual([]);
});

test('a clock of a detector that runs behind makes no second before the first', () => {
  const series = surgeSeries([{ receivedAtMs: START_MS, detectedAtMs: START_MS - 1500 }]);
  expect(series).toMatchObject([{ second: 0, arrivals: 1, detections: 1, backlog: 0 }]);
});

test('the plateau is the time from the first to the last second that began and ended with a backlog', () => {
  const plateau = plateauOf(surgeSeries(steadySurge()), 10);
  // The first second began with nothing, the last with ten that end it.
  expect(plateau).toEqual({ fromSecond: 1, toSecond: 20, images: 190, imagesPerSecond: 10 });
});

test('in a long surge its first ten seconds, in which batches are on their way, are not of the plateau', () => {
  const late = Array.from({ length: 400 }, (_, index) => ({
    receivedAtMs: START_MS + index * 10,
    detectedAtMs: START_MS + 8_000 + index * 100,
  }));
  expect(plateauOf(surgeSeries(late), 10)).toEqual({ fromSecond: 10, toSecond: 47, images: 370, imagesPerSecond: 10 });
});

test('a pause within the plateau counts as what it is', () => {
  const paused = steadySurge().map((time, index) => ({
    ...time,
    detectedAtMs: time.detectedAtMs + (index < 100 ? 0 : 5000),
  }));
  const plateau = plateauOf(surgeSeries(paused), 10);
  expect(plateau).toMatchObject({ fromSecond: 1, toSecond: 25, images: 190 });
  expect(plateau?.imagesPerSecond).toBeCloseTo(190 / 24);
});

test('without a backlog there is no plateau', () => {
  const prompt = steadySurge().map(({ receivedAtMs }) => ({ receivedAtMs, detectedAtMs: receivedAtMs + 5 }));
  expect(plateauOf(surgeSeries(prompt), 10)).toBeNull();
  expect(plateauOf([], 10)).toBeNull();
});

test('the worst window is found wherever it begins', () => {
  const detectedAt = (...seconds: number[]): SurgeTimes[] =>
    seconds.map((second) => ({ receivedAtMs: 0, detectedAtMs: second * 1000 }));
  expect(worstWindow(detectedAt(0, 9.9, 10, 11, 19, 19.899), 10_000)).toBe(5);
  expect(worstWindow(detectedAt(0, 10), 10_000)).toBe(1);
  expect(worstWindow(detectedAt(19, 3, 11, 12), 10_000)).toBe(3);
  expect(worstWindow([], 10_000)).toBe(0);
});

test('a window may hold the cap and one model run of each detector, and no image more', () => {
  expect(allowedInWindow(20, 10_000, 8)).toBe(208);
  expect(allowedInWindow(0.5, 10_000, 16)).toBe(21);
  // Two milliseconds that the times can't tell are whole images from a thousand a second on.
  expect(allowedInWindow(1000, 10_000, 0)).toBe(10_002);
});

test('means bound the number of points and leave out what is not known', () => {
  expect(meansOf([1, 3, null, 5, null, null, 7], 4)).toEqual([2, 5, null, 7]);
  expect(meansOf([1, 2], 60)).toEqual([1, 2]);
  expect(meansOf([], 60)).toEqual([]);
});
