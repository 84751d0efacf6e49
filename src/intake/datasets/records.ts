import { findRun, listRuns, type RunRow } from '../../datasets/index.js';
import { Gate } from '../../service/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { YamlSource } from '../../yaml/index.js';
import { Refusal } from '../refusal.js';

/** A dataset, and how its runs went. */
export interface DatasetSummary {
  name: string;
  description: string | undefined;
  lastRun: Pick<RunRow, 'workflow_id' | 'status' | 'started_at' | 'ended_at'> | undefined;
  /** End of the last run that was published or found nothing new, ISO 8601. */
  freshAt: string | undefined;
}

/** What the API asks of ClickHouse. Each throws WarehouseError, and Refusal where too many ask. */
export interface DatasetRecords {
  /** Whether a manifest of the name was ever applied. */
  exists(dataset: string): Promise<boolean>;
  /** The record of the latest run of a workflow. */
  findRun(workflowId: string): Promise<RunRow | undefined>;
  /** The latest first. */
  listRuns(dataset: string, limit: number): Promise<RunRow[]>;
  /** In the order of their names, from the one behind `after` on; of `names` alone where they are given. */
  listDatasets(page: { names: readonly string[] | undefined; after: string; limit: number }): Promise<DatasetSummary[]>;
}

/** Questions to ClickHouse at once, and how many may wait for them: one that hangs must not gather more. */
const AT_ONCE = 8;
const MOST_WAITING = 64;
const WINDOW = 'INTERVAL 100 DAY';
/** The key of a description and the lines that belong to it. */
const DESCRIPTION = '(?m)^description:[^\\n]*(?:\\n(?:[ \\t][^\\n]*)?)*';
const MOST_CHARACTERS = 10_000;

export function createDatasetRecords(warehouse: Warehouse): DatasetRecords {
  const gate = new Gate(AT_ONCE, {
    mostWaiting: MOST_WAITING,
    error: () => new Refusal('unavailable', 'too many questions wait for ClickHouse', { retryAfterS: 5 }),
  });
  return {
    exists: (dataset) =>
      gate.run(async () => {
        // Not read: whether intake understands it makes no difference, and it takes events meanwhile.
        const sql = 'SELECT 1 FROM dataset_manifests WHERE dataset = {dataset:String} LIMIT 1';
        return (await warehouse.query(sql, { dataset })).length > 0;
      }),
    findRun: (workflowId) => gate.run(() => findRun(warehouse, { workflowId })),
    listRuns: (dataset, limit) => gate.run(() => listRuns(warehouse, { dataset, limit })),
    listDatasets: (page) =>
      gate.run(async () => {
        const found = await describedDatasets(warehouse, page);
        const names = found.map(({ dataset }) => dataset);
        const runs = names.length === 0 ? [] : await lastRuns(warehouse, names);
        return found.map(({ dataset: name, part }) => {
          const run = runs.find(({ dataset }) => dataset === name);
          return { name, description: descriptionOf(part), lastRun: run, freshAt: run?.fresh_at ?? undefined };
        });
      }),
  };
}

/** The part of each manifest that describes the dataset: to read all of some would hold up the events for a second. */
function describedDatasets(
  warehouse: Warehouse,
  { names = [], after, limit }: { names?: readonly string[] | undefined; after: string; limit: number },
): Promise<{ dataset: string; part: string }[]> {
  return warehouse.query(
    `SELECT dataset, left(argMax(extract(manifest, {description:String}), applied_at), ${MOST_CHARACTERS}) AS part
     FROM dataset_manifests
     WHERE dataset > {after:String} AND (empty({names:Array(String)}) OR has({names:Array(String)}, dataset))
     GROUP BY dataset ORDER BY dataset LIMIT {limit:UInt32}`,
    { names, after, limit, description: DESCRIPTION },
  );
}

/** Undefined where the part does not stand for itself. */
function descriptionOf(part: string): string | undefined {
  const source = new YamlSource(part);
  if (source.syntaxProblems('a description').length > 0) return undefined;
  const value = source.value();
  if (typeof value !== 'object' || value === null || !('description' in value)) return undefined;
  return typeof value.description === 'string' ? value.description : undefined;
}

type LastRun = NonNullable<DatasetSummary['lastRun']> & { dataset: string; fresh_at: string | null };

function lastRuns(warehouse: Warehouse, names: readonly string[]): Promise<LastRun[]> {
  // With the table's name, or a name would be taken for the aggregate that is called so.
  return warehouse.query(
    `SELECT dataset, argMax(runs.workflow_id, number) AS workflow_id, argMax(runs.status, number) AS status,
       max(runs.started_at) AS started_at, tupleElement(argMax(tuple(runs.ended_at), number), 1) AS ended_at,
       maxIf(runs.ended_at, runs.status IN ('published', 'unchanged')) AS fresh_at
     FROM dataset_runs AS runs
     WHERE has({names:Array(String)}, dataset) AND runs.started_at > now() - ${WINDOW}
     GROUP BY dataset`,
    { names },
  );
}
