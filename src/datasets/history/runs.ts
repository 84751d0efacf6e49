import type { Warehouse } from '../../warehouse/index.js';

/** A run as its record says; counts are numbers, its own number is text because it may not round. */
export interface RunRow {
  dataset: string;
  number: string;
  run: string;
  workflow_id: string;
  trigger: string;
  status: string;
  logical_date: string;
  started_at: string;
  ended_at: string | null;
  inputs: number;
  bytes: number;
  read: number;
  loaded: number;
  quarantined: number;
  duplicates: number;
  since: string;
  until: string;
  warnings: string[];
  failure: string;
  manifest_hash: string;
}

const COUNTS = ['inputs', 'bytes', 'read', 'loaded', 'quarantined', 'duplicates'] as const;
const COLUMNS = `dataset, number, run, workflow_id, trigger, status, logical_date, started_at, ended_at, inputs, bytes, read,
  loaded, quarantined, duplicates, since, until, warnings, failure, manifest_hash`;

type Raw = Omit<RunRow, (typeof COUNTS)[number]> & Record<(typeof COUNTS)[number], string>;

/** Runs, the latest first; of one dataset, or of all. Throws WarehouseError. */
export async function listRuns(
  warehouse: Warehouse,
  { dataset, status, limit }: { dataset?: string | undefined; status?: string | undefined; limit: number },
): Promise<RunRow[]> {
  const rows = await warehouse.query<Raw>(
    `SELECT ${COLUMNS} FROM dataset_runs
     WHERE ({dataset:String} = '' OR dataset = {dataset:String}) AND ({status:String} = '' OR status = {status:String})
     ORDER BY number DESC LIMIT {limit:UInt32}`,
    { dataset: dataset ?? '', status: status ?? '', limit },
  );
  return rows.map(counted);
}

/** The run of an id, or the latest of a workflow; undefined where none was begun. Throws WarehouseError. */
export async function findRun(
  warehouse: Warehouse,
  by: { run: string } | { workflowId: string },
): Promise<RunRow | undefined> {
  const [column, value] = 'run' in by ? ['run', by.run] : ['workflow_id', by.workflowId];
  const [row] = await warehouse.query<Raw>(
    `SELECT ${COLUMNS} FROM dataset_runs WHERE ${column} = {value:String} ORDER BY number DESC LIMIT 1`,
    { value },
  );
  return row && counted(row);
}

function counted(row: Raw): RunRow {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, Number(row[name])]));
  return { ...row, ...(counts as Record<(typeof COUNTS)[number], number>) };
}
