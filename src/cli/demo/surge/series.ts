import { percentile } from '../../../telemetry/index.js';

/** The pure part: from when each image came and was detected to what is drawn and judged. */

/** Of one image; milliseconds since the epoch. */
export interface SurgeTimes {
  /** Intake took its event. */
  receivedAtMs: number;
  /** It was granted its token, directly before its inference. */
  detectedAtMs: number;
}

/** One second of a surge. */
export interface SurgeSecond {
  /** Since the first image came. */
  second: number;
  arrivals: number;
  detections: number;
  /** Images that waited at its end. */
  backlog: number;
  /** From arrival to detection, of the images that were detected in it; null where none was. */
  waitMs: { p50: number; p95: number } | null;
}

const SECOND_MS = 1000;

/** Second by second, from the first arrival to the last detection. */
export function surgeSeries(times: readonly SurgeTimes[]): SurgeSecond[] {
  const startMs = times.reduce((least, { receivedAtMs }) => Math.min(least, receivedAtMs), Infinity);
  const secondOf = (ms: number): number => Math.max(0, Math.floor((ms - startMs) / SECOND_MS));
  const last = times.reduce(
    (most, time) => Math.max(most, secondOf(time.detectedAtMs), secondOf(time.receivedAtMs)),
    -1,
  );
  const arrivals = Array.from({ length: last + 1 }, () => 0);
  const waits = Array.from({ length: last + 1 }, (): number[] => []);
  for (const { receivedAtMs, detectedAtMs } of times) {
    const second = secondOf(receivedAtMs);
    arrivals[second] = (arrivals[second] ?? 0) + 1;
    waits[secondOf(detectedAtMs)]?.push(detectedAtMs - receivedAtMs);
  }
  let backlog = 0;
  return waits.map((ofSecond, second) => {
    const came = arrivals[second] ?? 0;
    backlog += came - ofSecond.length;
    const p50 = percentile(ofSecond, 0.5);
    const p95 = percentile(ofSecond, 0.95);
    return {
      second,
      arrivals: came,
      detections: ofSecond.length,
      backlog,
      waitMs: p50 === undefined || p95 === undefined ? null : { p50, p95 },
    };
  });
}

/** The time in which the detectors had more to do than they may. */
export interface Plateau {
  fromSecond: number;
  /** Exclusive. */
  toSecond: number;
  images: number;
  imagesPerSecond: number;
}

/**
 * Until so long after the surge began the first batches are on their way through intake, Kafka and Temporal, which meet
 * ten times what they are used to: how long that takes is the machine's, not the cap's. The series shows it.
 */
const RAMP_SECONDS = 10;
/** A plateau that is no longer than so many ramps is measured whole. */
const RAMPS = 3;

/**
 * From the first to the last second that began and ended with a backlog, the ramp left out: as many images as are
 * detected in a second. Null where there was none.
 */
export function plateauOf(series: readonly SurgeSecond[], cap: number): Plateau | null {
  const stood = (second: number): boolean =>
    (series[second - 1]?.backlog ?? 0) >= cap && (series[second]?.backlog ?? 0) >= cap;
  const first = series.findIndex(({ second }) => stood(second));
  if (first === -1) return null;
  const toSecond = series.findLastIndex(({ second }) => stood(second)) + 1;
  const fromSecond = toSecond > RAMPS * RAMP_SECONDS ? Math.max(first, RAMP_SECONDS) : first;
  const images = series.slice(fromSecond, toSecond).reduce((sum, { detections }) => sum + detections, 0);
  return { fromSecond, toSecond, images, imagesPerSecond: images / (toSecond - fromSecond) };
}

/** Most images that were detected within `windowMs`, wherever the window begins. */
export function worstWindow(times: readonly SurgeTimes[], windowMs: number): number {
  const sorted = times.map(({ detectedAtMs }) => detectedAtMs).sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [index, ms] of sorted.entries()) {
    while (ms - (sorted[first] ?? ms) >= windowMs) first += 1;
    most = Math.max(most, index + 1 - first);
  }
  return most;
}

/** Both ends of a window are whole milliseconds of a clock, and what happened lies within them. */
const ROUNDING_MS = 2;

/** What a cap lets through in any window of so long: its rate, and one model run of each detector. */
export function allowedInWindow(cap: number, windowMs: number, modelRuns: number): number {
  return Math.floor((cap * (windowMs + ROUNDING_MS)) / SECOND_MS + 1e-9) + modelRuns;
}

/** At most so many values, each the mean of as many neighbours; nulls are left out of it. */
export function meansOf(values: readonly (number | null)[], most: number): (number | null)[] {
  const each = Math.max(1, Math.ceil(values.length / most));
  return Array.from({ length: Math.ceil(values.length / each) }, (_, index) => {
    const known = values.slice(index * each, (index + 1) * each).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  });
}
