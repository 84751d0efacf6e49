import type { DatasetPlan, DatasetRun, LoadedBucket } from '../../domain/index.js';
import { WarehouseError } from '../../warehouse/index.js';
import type { Manifest } from '../manifest/schema.js';
import { identifier, storageName } from '../tables/index.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { countLoad } from './load.js';
import { recordLoads, type Load } from './loads.js';
import { runManifest } from './manifests.js';
import { digits } from './names.js';

/**
 * Makes the loads of a run visible, all at once: one block of one insert. Counts their rows once more before. Twice is
 * harmless. Throws DatasetError where they are not what was loaded, or were given up.
 */
export async function publishRun(
  { warehouse }: DatasetDependencies,
  run: DatasetRun,
  plan: DatasetPlan,
  loads: readonly LoadedBucket[],
): Promise<void> {
  const { dataset, number, runId } = run;
  const before = await statusOf(warehouse, run, loads);
  if (before.every((status) => status === 'published')) return;
  if (before.includes('abandoned')) throw new DatasetError('the run was given up: another one has the turn');
  const manifest = await runManifest(warehouse, run, plan);
  const rows: Load[] = [];
  for (const { load, loaded } of loads) {
    const there = await countLoad(warehouse, dataset, load);
    if (there !== loaded) throw new DatasetError(`of ${loaded} rows that were loaded ${there} are in the table`);
    rows.push({
      dataset,
      load,
      publication: number,
      run: runId,
      rows: loaded,
      ...(await partitionsOf(warehouse, manifest, load)),
    });
  }
  await recordLoads(warehouse, 'published', rows);
  const after = await statusOf(warehouse, run, loads);
  if (!after.every((status) => status === 'published'))
    throw new WarehouseError('unavailable', undefined, 'ClickHouse took the publication, and does not have it');
}

async function statusOf(
  warehouse: DatasetDependencies['warehouse'],
  { dataset }: DatasetRun,
  loads: readonly LoadedBucket[],
): Promise<(string | undefined)[]> {
  const rows = await warehouse.query<{ load: string; status: string }>(
    `SELECT load, status FROM dataset_loads FINAL
     WHERE dataset = {dataset:String} AND load IN (${loads.map(({ load }) => digits(load)).join(', ')})`,
    { dataset },
  );
  const known = new Map(rows.map(({ load, status }) => [load, status]));
  return loads.map(({ load }) => known.get(load));
}

/** Which partitions a run has rows of: where it replaces them, readers go by it. */
async function partitionsOf(
  warehouse: DatasetDependencies['warehouse'],
  { name, target }: Manifest,
  load: string,
): Promise<Pick<Load, 'partitions' | 'partitionIds'>> {
  if (target.mode !== 'replace') return {};
  const rows = await warehouse.query<{ value: string; id: string }>(
    `SELECT DISTINCT toString(${target.partitionBy ?? "''"}) AS value, _partition_id AS id
     FROM ${identifier(storageName(name))} WHERE _load = ${digits(load)} ORDER BY value`,
  );
  return { partitions: rows.map(({ value }) => value), partitionIds: rows.map(({ id }) => id) };
}
