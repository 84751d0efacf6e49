import type { DatasetRun, SettledRun } from '../../domain/index.js';
import type { Manifest } from '../manifest/schema.js';
import { durationMs, shareOf } from '../manifest/words.js';
import { identifier } from '../tables/index.js';
import type { Scope } from './scope.js';

/** Runs whose rows are the history of a dataset. */
const HISTORY_RUNS = 10;

/** Shares of nothing in columns. Returns why the run has to fail. */
export async function nullChecks(scope: Scope, { checks }: Manifest, settled: SettledRun): Promise<string[]> {
  const failures: string[] = [];
  for (const { column, maxNulls, action } of checks.columns) {
    if (maxNulls === undefined || settled.rows === 0) continue;
    const nulls = await scope.count(`isNull(${identifier(column)})`);
    if (nulls <= shareOf(maxNulls) * settled.rows) continue;
    const said = `${column}: ${nulls} of ${settled.rows} rows have nothing, and maxNulls is ${maxNulls}`;
    (action === 'fail' ? failures : settled.warnings).push(said);
  }
  return failures;
}

/** What has to hold of the run: how many rows, how fresh. Returns why the run has to fail. */
export async function runChecks(
  scope: Scope,
  manifest: Manifest,
  { run, settled }: { run: DatasetRun; settled: SettledRun },
): Promise<string[]> {
  const check = manifest.checks.run;
  if (check === undefined) return [];
  const found: string[] = [];
  const { rows } = settled;
  if (check.minRows !== undefined && rows < check.minRows)
    found.push(`${rows} rows, and checks.run.minRows is ${check.minRows}`);
  if (check.maxRows !== undefined && rows > check.maxRows)
    found.push(`${rows} rows, and checks.run.maxRows is ${check.maxRows}`);
  if (check.againstHistory !== undefined)
    found.push(...(await againstHistory(scope, manifest.name, { share: check.againstHistory, rows })));
  if (check.freshness !== undefined) found.push(...(await freshness(scope, check.freshness, run.logicalDate)));
  if (check.action === 'fail') return found;
  settled.warnings.push(...found);
  return [];
}

async function againstHistory(
  { warehouse }: Scope,
  dataset: string,
  { share, rows: now }: { share: string; rows: number },
): Promise<string[]> {
  const rows = await warehouse.query<{ sound: string }>(
    `SELECT read - quarantined AS sound FROM dataset_runs WHERE dataset = {dataset:String} AND status = 'published'
     ORDER BY number DESC LIMIT ${HISTORY_RUNS}`,
    { dataset },
  );
  if (rows.length === 0) return [];
  const sorted = rows.map((row) => Number(row.sound)).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  if (Math.abs(now - median) <= shareOf(share) * median) return [];
  return [
    `${now} rows are sound, and the median of the last ${rows.length} runs is ${median}: more than ${share} from it (checks.run.againstHistory)`,
  ];
}

/** Before the moment that the run is for: a backfill of last year is as fresh as it was then. */
async function freshness(
  scope: Scope,
  { column, within }: { column: string; within: string },
  logicalDate: string,
): Promise<string[]> {
  const [row] = await scope.select<{ rows: string; latest: string | null }>(
    `count() AS rows, toUnixTimestamp64Milli(max(toDateTime64(${identifier(column)}, 3, 'UTC'))) AS latest`,
  );
  if (row === undefined || Number(row.rows) === 0) return [];
  const ageMs = Date.parse(logicalDate) - Number(row.latest);
  if (ageMs <= durationMs(within)) return [];
  const said = `the latest ${column} is ${Math.round(ageMs / 1_000)} s before ${logicalDate}`;
  return [`${said}, and checks.run.freshness wants it within ${within}`];
}
