import type { Warehouse } from '../../warehouse/index.js';
import { digits } from './names.js';

/** A load as it is written down. */
export interface Load {
  dataset: string;
  load: string;
  publication: string;
  run: string;
  rows?: number;
  partitions?: readonly string[];
  partitionIds?: readonly string[];
}

const COLUMNS = ['dataset', 'load', 'publication', 'status', 'run', 'rows', 'partitions', 'partition_ids'];
const TIMEOUT_MS = 60_000;

/** Says what becomes of loads: of all at once, since they are one block of one insert. */
export async function recordLoads(
  warehouse: Warehouse,
  status: 'loading' | 'published' | 'abandoned',
  loads: readonly Load[],
): Promise<void> {
  if (loads.length === 0) return;
  const rows = loads.map(({ dataset, load, publication, run, rows: count = 0, partitions = [], partitionIds = [] }) =>
    JSON.stringify([dataset, load, publication, status, run, count, partitions, partitionIds]),
  );
  await warehouse.insert({ table: 'dataset_loads', columns: COLUMNS, rows, timeoutMs: TIMEOUT_MS });
}

/**
 * Gives up what was begun and not published: of a run, or of all runs of the dataset. From then on nobody sees it, even
 * if a try that everybody took for dead says later that it is published.
 */
export async function giveUpLoads(warehouse: Warehouse, dataset: string, publication?: string): Promise<void> {
  const rows = await warehouse.query<{ load: string; publication: string; run: string }>(
    `SELECT load, publication, run FROM dataset_loads FINAL
     WHERE dataset = {dataset:String} AND status = 'loading'
       ${publication === undefined ? '' : `AND publication = ${digits(publication)}`}
     LIMIT 100000`,
    { dataset },
  );
  await recordLoads(
    warehouse,
    'abandoned',
    rows.map((row) => ({ dataset, ...row })),
  );
}
