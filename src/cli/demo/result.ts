import { createTable } from '../table.js';
import type { HourlyDifference, RowAccount, Speed } from './account.js';
import type { Sending } from './send.js';

/** What the demo found; `--json` prints it. Fields are only added. Shares are 0 to 1. */
export interface DemoResult {
  /** Nothing lost, nothing counted twice, no good picture failed, rollups agree. */
  ok: boolean;
  /** Images sent: good ones, and broken ones that are in on purpose. */
  images: { in: number; good: number; broken: number };
  /** Events acknowledged; of them delivered again on purpose; posts that were not acknowledged and sent again. */
  events: { sent: number; repeated: number; retried: number };
  rows: number;
  detected: number;
  /** Dead images by reason code. */
  dead: Record<string, number>;
  /** Of them good pictures. */
  failed: Record<string, number>;
  /** Images without a row. */
  lost: number;
  /** Rows and boxes beyond the first of their key, and what the rollups count too much. */
  twice: number;
  /** Rows of images that were never sent. */
  strange: number;
  detections: number;
  /** detections_hourly against detections. */
  hourly: HourlyDifference & { agrees: boolean };
  model: string | null;
  /** Null where the content of the pictures is not known. */
  precision: number | null;
  recall: number | null;
  /** Upload to row. */
  latencyMs: { p50: number; p95: number } | null;
  imagesPerSecond: number | null;
  /** From the first upload to the last row. */
  seconds: number;
  /** Why it ended before everything was there. */
  stalled: string | null;
  /** Path of the HTML report. */
  report: string | null;
}

export interface ResultParts {
  sending: Sending;
  broken: number;
  total: number;
  rows: RowAccount;
  boxes: { detections: number; twice: number };
  hourly: HourlyDifference;
  speed: Speed;
  model: string | null;
  precision: number | null;
  recall: number | null;
  stalled: string | null;
}

export function demoResult(parts: ResultParts): DemoResult {
  const { sending, rows, boxes, hourly, speed, total, broken } = parts;
  // What was never acknowledged has no row either.
  const lost = rows.lost.length + Math.max(0, total - sending.images.length);
  const twice = rows.twice + boxes.twice + hourly.extra;
  const agrees = hourly.missing + hourly.extra === 0;
  const failed = Object.keys(rows.failed).length > 0;
  return {
    ok: lost === 0 && twice === 0 && rows.strange === 0 && agrees && !failed && parts.stalled === null,
    images: { in: total, good: total - broken, broken },
    events: { sent: sending.events, repeated: sending.repeated, retried: sending.retried },
    rows: rows.rows,
    detected: rows.detected,
    dead: rows.dead,
    failed: rows.failed,
    lost,
    twice,
    strange: rows.strange,
    detections: boxes.detections,
    hourly: { ...hourly, agrees },
    model: parts.model,
    precision: parts.precision,
    recall: parts.recall,
    ...speed,
    stalled: parts.stalled,
    report: null,
  };
}

/** What the numbers are called and how they read: the table and the report show the same. */
export function resultRows(result: DemoResult): [name: string, value: string][] {
  const { images, events, latencyMs } = result;
  const reasons = (by: Record<string, number>): string =>
    Object.entries(by)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ');
  const dead = Object.values(result.dead).reduce((sum, count) => sum + count, 0);
  return [
    ['images in', `${images.in} (${images.broken} broken on purpose)`],
    ['events sent', `${events.sent} (${events.repeated} delivered twice on purpose, ${events.retried} retried)`],
    ['rows out', String(result.rows)],
    ['lost', String(result.lost)],
    ['counted twice', String(result.twice)],
    ...(result.strange > 0 ? [['rows never sent', String(result.strange)] satisfies [string, string]] : []),
    ['dead', dead === 0 ? '0' : `${dead} (${reasons(result.dead)})`],
    ...(Object.keys(result.failed).length > 0
      ? [['good pictures dead', reasons(result.failed)] satisfies [string, string]]
      : []),
    ['boxes', `${result.detections}; hourly rollup ${result.hourly.agrees ? 'agrees' : hourlyProblem(result.hourly)}`],
    ['model', result.model ?? 'none seen'],
    ...(result.precision === null ? [] : [['precision', share(result.precision)] satisfies [string, string]]),
    ...(result.recall === null ? [] : [['recall', share(result.recall)] satisfies [string, string]]),
    ['upload to row', latencyMs === null ? 'no row' : `p50 ${seconds(latencyMs.p50)}, p95 ${seconds(latencyMs.p95)}`],
    ['images/s', result.imagesPerSecond === null ? 'no row' : result.imagesPerSecond.toFixed(1)],
  ];
}

export function resultTable(result: DemoResult): string {
  return resultTableOf(resultRows(result));
}

/** The table at the end of a demo. */
export function resultTableOf(rows: readonly [name: string, value: string][]): string {
  const table = createTable();
  table.push(...rows);
  return table.toString();
}

function hourlyProblem({ missing, extra }: HourlyDifference): string {
  return `differs: ${missing} missing, ${extra} too many`;
}

function share(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
