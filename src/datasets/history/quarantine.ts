import type { Warehouse } from '../../warehouse/index.js';
import type { QuarantinedRow } from '../staging/staged.js';

/** A row that a run has set aside. */
export interface QuarantineRow extends QuarantinedRow {
  dataset: string;
  number: string;
  run: string;
  quarantined_at: string;
}

/** Rows that were set aside for one reason, with one of them. */
export interface QuarantineCount {
  reason: string;
  subject: string;
  rows: number;
  example: string;
}

export interface QuarantineFilter {
  dataset: string;
  /** Id of a run; default: the last one that set anything aside. */
  run?: string | undefined;
  reason?: string | undefined;
}

const OF_RUN = `dataset = {dataset:String} AND ({reason:String} = '' OR reason = {reason:String}) AND number =
  (SELECT max(number) FROM quarantined_rows
   WHERE dataset = {dataset:String} AND ({run:String} = '' OR run = {run:String}))`;

function values({ dataset, run = '', reason = '' }: QuarantineFilter) {
  return { dataset, run, reason };
}

/** Rows of a run, in the order of their sources. Throws WarehouseError. */
export async function listQuarantined(
  warehouse: Warehouse,
  filter: QuarantineFilter,
  limit: number,
): Promise<QuarantineRow[]> {
  const rows = await warehouse.query<Omit<QuarantineRow, 'line'> & { line: string }>(
    `SELECT dataset, number, run, source, line, reason, subject, detail, raw, quarantined_at
     FROM quarantine WHERE ${OF_RUN} ORDER BY source, line LIMIT ${limit}`,
    values(filter),
  );
  return rows.map((row) => ({ ...row, line: Number(row.line) }));
}

/** Reasons of a run, the most frequent first; at most 200. Throws WarehouseError. */
export async function countQuarantined(warehouse: Warehouse, filter: QuarantineFilter): Promise<QuarantineCount[]> {
  const rows = await warehouse.query<Omit<QuarantineCount, 'rows'> & { rows: string }>(
    `SELECT reason, subject, count() AS rows, min(detail) AS example
     FROM quarantine WHERE ${OF_RUN} GROUP BY reason, subject ORDER BY rows DESC, reason, subject LIMIT 200`,
    values(filter),
  );
  return rows.map((row) => ({ ...row, rows: Number(row.rows) }));
}
