import type { DatasetPlan, DatasetRun, DatasetRunRequest } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Manifest } from '../manifest/schema.js';
import { durationMs } from '../manifest/words.js';

/** From where to where an API is asked: none for sources that know no such thing. */
export async function windowOf(
  warehouse: Warehouse,
  manifest: Manifest,
  run: Pick<DatasetRun, 'dataset' | 'logicalDate'>,
  request: DatasetRunRequest,
): Promise<Pick<DatasetPlan, 'since' | 'until'>> {
  const { source } = manifest;
  if (source.type !== 'http') return {};
  const before = request.replayOf === undefined ? undefined : await windowOfRun(warehouse, run, request.replayOf);
  const until = request.until ?? before?.until ?? run.logicalDate;
  if (source.incremental === undefined) return { until };
  const { start, lag } = source.incremental;
  const since = request.since ?? before?.since;
  if (since !== undefined) return { since, until };
  if (request.full === true) return { since: start, until };
  const cursor = await lastCursor(warehouse, run.dataset);
  return { since: cursor === undefined ? start : earlier(cursor, lag), until };
}

async function windowOfRun(
  warehouse: Warehouse,
  { dataset }: Pick<DatasetRun, 'dataset'>,
  number: string,
): Promise<{ since?: string; until?: string } | undefined> {
  const [row] = await warehouse.query<{ since: string; until: string }>(
    'SELECT since, until FROM dataset_runs WHERE dataset = {dataset:String} AND number = {number:UInt64}',
    { dataset, number },
  );
  return row && { ...(row.since && { since: row.since }), ...(row.until && { until: row.until }) };
}

/** Where the last run that was published and saw anything ended. */
async function lastCursor(warehouse: Warehouse, dataset: string): Promise<string | undefined> {
  const [row] = await warehouse.query<{ cursor: string }>(
    `SELECT cursor FROM dataset_runs
     WHERE dataset = {dataset:String} AND status = 'published' AND cursor != '' ORDER BY number DESC LIMIT 1`,
    { dataset },
  );
  return row?.cursor;
}

/** A time, so much before; a number stays: its lag has no unit. */
function earlier(cursor: string, lag: string | undefined): string {
  if (lag === undefined || /^-?\d+$/.test(cursor)) return cursor;
  return new Date(Date.parse(cursor) - durationMs(lag)).toISOString();
}
