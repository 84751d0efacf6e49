import { resultTableOf } from '../result.js';
import type { RowAccount } from '../account.js';
import { duration, number, SURGE_TIMES, type SurgePlan } from './plan.js';
import {
  allowedInWindow,
  plateauOf,
  surgeSeries,
  worstWindow,
  type Plateau,
  type SurgeSecond,
  type SurgeTimes,
} from './series.js';

/** What a surge came to; `--json` prints it. Fields are only added. Shares are 0 to 1. */
export interface SurgeResult {
  /** Every promise held. */
  ok: boolean;
  /** Those that did not, each a sentence. */
  failures: string[];
  /** Images a second, and the detectors that shared it. */
  cap: number;
  detectors: number;
  images: number;
  /** What came: for so long, images a second, and posts that intake did not answer with 2xx and that were sent again. */
  arrivals: { seconds: number; imagesPerSecond: number; refused: number };
  plateau: (Plateau & { capError: number }) | null;
  worstWindow: { seconds: number; images: number; allowed: number };
  rows: number;
  detected: number;
  /** Dead images by reason code. */
  dead: Record<string, number>;
  lost: number;
  /** Rows and boxes beyond the first of their key. */
  twice: number;
  /** Rows of images that were never sent. */
  strange: number;
  /** Results that were written again; the tables replace them, and none is counted. */
  repeatedResults: number;
  /** From the last arrival to the last detection, against what was foreseen when the last had come. */
  drain: { backlog: number; forecastSeconds: number; seconds: number; error: number } | null;
  longestWaitMs: number | null;
  model: string | null;
  series: SurgeSecond[];
  /** Why it ended before everything was there. */
  stalled: string | null;
  /** Path of the HTML report. */
  report: string | null;
}

export interface SurgeParts {
  plan: SurgePlan;
  detectors: number;
  /** Images in one model run of a detector. */
  modelBatch: number;
  /** Of the images that were detected. */
  times: readonly SurgeTimes[];
  rows: RowAccount;
  /** Images whose event was never acknowledged. */
  unsent: number;
  boxesTwice: number;
  rawRows: number;
  refused: number;
  /** Images that waited when the last had come; null where it never did. */
  backlog: number | null;
  model: string | null;
  stalled: string | null;
}

const WINDOW_MS = 10_000;
/** Least share of the cap that the plateau must reach. */
const LEAST_OF_CAP = 0.97;
const MOST_FORECAST_ERROR = 0.1;
/** Least share of the planned rate at which events must have come. */
const LEAST_OF_ARRIVALS = 0.95;

export function surgeResult(parts: SurgeParts): SurgeResult {
  const { plan, detectors, times, rows } = parts;
  const plateau = plateauOf(surgeSeries(times), plan.cap);
  const first = least(times.map(({ receivedAtMs }) => receivedAtMs));
  const lastArrival = most(times.map(({ receivedAtMs }) => receivedAtMs));
  const arrivalSeconds = times.length === 0 ? 0 : (lastArrival - first) / 1000;
  const result: SurgeResult = {
    ok: false,
    failures: [],
    cap: plan.cap,
    detectors,
    images: plan.images,
    arrivals: {
      seconds: arrivalSeconds,
      imagesPerSecond: arrivalSeconds === 0 ? 0 : times.length / arrivalSeconds,
      refused: parts.refused,
    },
    plateau: plateau && { ...plateau, capError: plateau.imagesPerSecond / plan.cap - 1 },
    worstWindow: {
      seconds: WINDOW_MS / 1000,
      images: worstWindow(times, WINDOW_MS),
      allowed: allowedInWindow(plan.cap, WINDOW_MS, detectors * parts.modelBatch),
    },
    rows: rows.rows,
    detected: rows.detected,
    dead: rows.dead,
    lost: rows.lost.length + parts.unsent,
    twice: rows.twice + parts.boxesTwice,
    strange: rows.strange,
    repeatedResults: Math.max(0, parts.rawRows - rows.rows),
    drain: null,
    longestWaitMs: times.length === 0 ? null : most(times.map((time) => time.detectedAtMs - time.receivedAtMs)),
    model: parts.model,
    series: surgeSeries(times),
    stalled: parts.stalled,
    report: null,
  };
  if (parts.backlog !== null && times.length > 0) {
    const forecastSeconds = parts.backlog / plan.cap;
    const seconds = (most(times.map(({ detectedAtMs }) => detectedAtMs)) - lastArrival) / 1000;
    result.drain = { backlog: parts.backlog, forecastSeconds, seconds, error: seconds / forecastSeconds - 1 };
  }
  result.failures = failuresOf(result, plan);
  result.ok = result.failures.length === 0;
  return result;
}

function failuresOf(result: SurgeResult, plan: SurgePlan): string[] {
  const { arrivals, plateau, worstWindow: worst, drain } = result;
  const dead = Object.values(result.dead).reduce((sum, count) => sum + count, 0);
  const wanted = plan.arrivalsPerSecond * LEAST_OF_ARRIVALS;
  return [
    ...(result.stalled === null ? [] : [result.stalled]),
    ...(result.lost > 0 ? [`${result.lost} images are lost.`] : []),
    ...(result.twice > 0 ? [`${result.twice} are counted twice.`] : []),
    ...(result.strange > 0 ? [`${result.strange} rows are of images that were never sent.`] : []),
    ...(dead > 0 ? [`${dead} good pictures are dead.`] : []),
    ...(worst.images > worst.allowed
      ? [`${worst.images} images were detected within ${worst.seconds} s, ${worst.allowed} were allowed.`]
      : []),
    ...(arrivals.imagesPerSecond < wanted
      ? [
          `Only ${number(arrivals.imagesPerSecond)} images a second arrived, not ${SURGE_TIMES} times the cap: this machine is too slow, give a smaller --cap.`,
        ]
      : []),
    ...(plateau === null ? ['No backlog stood for a second: the surge was too short to tell anything.'] : []),
    ...(plateau !== null && plateau.imagesPerSecond < LEAST_OF_CAP * result.cap
      ? [
          `Only ${number(plateau.imagesPerSecond)} images a second were detected of the cap of ${number(result.cap)}: where this machine is too slow for it, give a smaller --cap.`,
        ]
      : []),
    ...(drain === null || Math.abs(drain.error) > MOST_FORECAST_ERROR
      ? [`The drain did not go as foreseen: ${drainText(result)}.`]
      : []),
  ];
}

/** What the numbers are called and how they read: the table and the report show the same. */
export function surgeRows(result: SurgeResult): [name: string, value: string][] {
  const { arrivals, plateau, worstWindow: worst } = result;
  const dead = Object.entries(result.dead).map(([reason, count]) => `${reason} ${count}`);
  return [
    ['images', `${result.images}, at ${number(arrivals.imagesPerSecond)}/s for ${number(arrivals.seconds)} s`],
    ['answers not 2xx', String(arrivals.refused)],
    ['cap', `${number(result.cap)} images/s, ${result.detectors} ${result.detectors === 1 ? 'detector' : 'detectors'}`],
    [
      'detected',
      plateau === null
        ? 'no plateau'
        : `${plateau.imagesPerSecond.toFixed(2)}/s from second ${plateau.fromSecond} to ${plateau.toSecond}`,
    ],
    ['cap error', plateau === null ? 'not measured' : signedShare(plateau.capError)],
    ['worst 10 s', `${worst.images} images, ${worst.allowed} allowed`],
    ['lost', String(result.lost)],
    ['counted twice', String(result.twice)],
    ['written again', `${result.repeatedResults} results, none counted`],
    ...(dead.length === 0 ? [] : [['dead', dead.join(', ')] satisfies [string, string]]),
    ['drain', drainText(result)],
    ['longest wait', result.longestWaitMs === null ? 'none detected' : duration(result.longestWaitMs / 1000)],
    ['model', result.model ?? 'none seen'],
  ];
}

export function surgeTable(result: SurgeResult): string {
  return resultTableOf(surgeRows(result));
}

function drainText({ drain }: SurgeResult): string {
  if (drain === null) return 'not measured';
  const { backlog, seconds, forecastSeconds, error } = drain;
  return `${backlog} images in ${seconds.toFixed(1)} s, foreseen ${forecastSeconds.toFixed(1)} s (${signedShare(error)})`;
}

function signedShare(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)} %`;
}

function least(values: readonly number[]): number {
  return values.reduce((found, value) => Math.min(found, value), Infinity);
}

function most(values: readonly number[]): number {
  return values.reduce((found, value) => Math.max(found, value), -Infinity);
}
