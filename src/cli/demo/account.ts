import { percentile } from '../../telemetry/index.js';
import { ratio } from './statistics.js';

/** The pure part: what was sent held against what is in the tables. */

/** Counts of one class in one hour. */
export interface HourlyCount {
  /** Seconds since the epoch. */
  hour: number;
  model: string;
  class: string;
  images: number;
  detections: number;
}

/** `missing` and `extra` count images and boxes of the rollup against those of the base. */
export interface HourlyDifference {
  missing: number;
  extra: number;
}

export function compareHourly(base: readonly HourlyCount[], rollup: readonly HourlyCount[]): HourlyDifference {
  const key = ({ hour, model, class: name }: HourlyCount): string => JSON.stringify([hour, model, name]);
  const open = new Map<string, { images: number; detections: number }>();
  for (const count of base) open.set(key(count), { images: count.images, detections: count.detections });
  // What is in both is taken off; a class that only the rollup has, or has twice, is left below zero.
  for (const count of rollup) {
    const left = open.get(key(count)) ?? { images: 0, detections: 0 };
    open.set(key(count), { images: left.images - count.images, detections: left.detections - count.detections });
  }
  const differences = [...open.values()].flatMap(({ images, detections }) => [images, detections]);
  return {
    missing: differences.reduce((sum, left) => sum + Math.max(0, left), 0),
    extra: differences.reduce((sum, left) => sum + Math.max(0, -left), 0),
  };
}

/** An image that was sent, by its key. */
export interface ExpectedImage {
  object: string;
  generation: string;
  /** Good pictures must be detected; broken ones are in on purpose. */
  broken: boolean;
}

export interface FoundRow {
  object: string;
  generation: string;
  status: string;
  reason: string;
  uploadedAtMs: number;
  storedAtMs: number;
}

export interface RowAccount {
  rows: number;
  detected: number;
  /** Dead images by reason code, the most frequent first. */
  dead: Record<string, number>;
  /** Good pictures that are dead, by reason code. */
  failed: Record<string, number>;
  /** Objects that were sent and have no row. */
  lost: string[];
  /** Rows beyond the first of an image. */
  twice: number;
  /** Rows of images that were never sent. */
  strange: number;
}

/** The account of nothing, to add to. */
export const NO_ROWS: RowAccount = { rows: 0, detected: 0, dead: {}, failed: {}, lost: [], twice: 0, strange: 0 };

/** Every image that was sent must have exactly one row. */
export function accountRows(sent: readonly ExpectedImage[], rows: readonly FoundRow[]): RowAccount {
  const key = ({ object, generation }: { object: string; generation: string }): string => `${object}#${generation}`;
  const expected = new Map(sent.map((image) => [key(image), image]));
  const seen = new Set<string>();
  const account: RowAccount = { rows: rows.length, detected: 0, dead: {}, failed: {}, lost: [], twice: 0, strange: 0 };
  for (const row of rows) {
    const image = expected.get(key(row));
    if (image === undefined) account.strange += 1;
    else if (seen.has(key(row))) account.twice += 1;
    else {
      seen.add(key(row));
      if (row.status === 'detected') account.detected += 1;
      else {
        count(account.dead, row.reason);
        if (!image.broken) count(account.failed, row.reason);
      }
    }
  }
  account.lost = [...expected].flatMap(([name, { object }]) => (seen.has(name) ? [] : [object]));
  return account;
}

function count(by: Record<string, number>, reason: string): void {
  by[reason] = (by[reason] ?? 0) + 1;
}

/** Sums the accounts of several pages. */
export function addAccounts(a: RowAccount, b: RowAccount): RowAccount {
  return {
    rows: a.rows + b.rows,
    detected: a.detected + b.detected,
    dead: addCounts(a.dead, b.dead),
    failed: addCounts(a.failed, b.failed),
    lost: [...a.lost, ...b.lost],
    twice: a.twice + b.twice,
    strange: a.strange + b.strange,
  };
}

function addCounts(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sum = { ...a };
  for (const [reason, images] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + images;
  return Object.fromEntries(Object.entries(sum).sort(([, x], [, y]) => y - x));
}

/** Milliseconds from upload to row, and the rate from the first upload to the last row. */
export interface Speed {
  latencyMs: { p50: number; p95: number } | null;
  imagesPerSecond: number | null;
  seconds: number;
}

export function speedOf(rows: readonly Pick<FoundRow, 'uploadedAtMs' | 'storedAtMs'>[]): Speed {
  const latencies = rows.map(({ uploadedAtMs, storedAtMs }) => storedAtMs - uploadedAtMs);
  const p50 = percentile(latencies, 0.5);
  const p95 = percentile(latencies, 0.95);
  const first = rows.reduce((least, { uploadedAtMs }) => Math.min(least, uploadedAtMs), Infinity);
  const last = rows.reduce((most, { storedAtMs }) => Math.max(most, storedAtMs), -Infinity);
  const seconds = rows.length === 0 ? 0 : (last - first) / 1000;
  return {
    latencyMs: p50 === undefined || p95 === undefined ? null : { p50, p95 },
    imagesPerSecond: ratio(rows.length, Math.max(0, seconds)) ?? null,
    seconds,
  };
}
