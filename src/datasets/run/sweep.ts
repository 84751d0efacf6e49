import type { Warehouse } from '../../warehouse/index.js';
import { identifier, literal, storageName } from '../tables/index.js';
import type { DatasetDependencies } from './dependencies.js';
import { appliedManifest } from './manifests.js';
import { rowColumns } from './tableColumns.js';
import { digits } from './names.js';

/** Queries that began before a publication may still read what it replaced. */
const GRACE = 'INTERVAL 10 MINUTE';
const MOST_AT_ONCE = 1_000;

/** Deletes rows that nobody sees: of loads that were given up, and of publications that later ones replaced a while ago. */
export async function sweep({ warehouse }: Pick<DatasetDependencies, 'warehouse'>, dataset: string): Promise<void> {
  const table = identifier(storageName(dataset));
  if ((await rowColumns(warehouse, storageName(dataset))).length === 0) return;
  const gone = await abandonedRows(warehouse, dataset, table);
  if (gone.length > 0)
    await warehouse.command(`DELETE FROM ${table} WHERE _load IN (${gone.map(({ load }) => digits(load)).join(', ')})`);
  const target = (await appliedManifest(warehouse, dataset))?.manifest.target;
  if (target?.mode !== 'replace') return;
  for (const id of await replacedPartitions(warehouse, dataset, target.replace === 'partitions'))
    await warehouse.command(`ALTER TABLE ${table} DROP PARTITION ID ${literal(id)}`);
}

/** Loads that were given up and have rows still. The table is read only where there is any: it may be large. */
async function abandonedRows(warehouse: Warehouse, dataset: string, table: string): Promise<{ load: string }[]> {
  const abandoned = `SELECT load FROM dataset_loads FINAL WHERE dataset = ${literal(dataset)} AND status = 'abandoned'`;
  if ((await warehouse.query(`${abandoned} LIMIT 1`)).length === 0) return [];
  return warehouse.query<{ load: string }>(
    `SELECT DISTINCT _load AS load FROM ${table} WHERE _load IN (${abandoned}) LIMIT ${MOST_AT_ONCE}`,
  );
}

/**
 * Partitions of publications that no reader sees any more: older than the newest one, or than the newest of the same
 * value, which has been there for a while.
 */
async function replacedPartitions(warehouse: Warehouse, dataset: string, isByValue: boolean): Promise<string[]> {
  const rows = await warehouse.query<{ id: string }>(
    `WITH published AS (
       SELECT ${isByValue ? 'pair.1' : "''"} AS value, pair.2 AS id, publication, at
       FROM dataset_loads FINAL
       LEFT ARRAY JOIN arrayZip(partitions, partition_ids) AS pair
       WHERE dataset = ${literal(dataset)} AND status = 'published'
     )
     SELECT DISTINCT id FROM published
     INNER JOIN (
       SELECT value, max(publication) AS newest FROM published WHERE at < now64(3) - ${GRACE} GROUP BY value
     ) AS standing USING (value)
     WHERE publication < newest AND id IN (
       SELECT partition_id FROM system.parts
       WHERE database = currentDatabase() AND table = ${literal(storageName(dataset))} AND active)
     LIMIT ${MOST_AT_ONCE}`,
  );
  return rows.map(({ id }) => id);
}
