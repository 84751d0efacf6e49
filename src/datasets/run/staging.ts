import type { DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { landing } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import { identifier, stagingDefinition, storageName } from '../tables/index.js';
import { DatasetError } from './dependencies.js';
import { evolvedColumns } from './evolve.js';
import { rowColumns } from './tableColumns.js';
import { stagingPrefix, stagingTable, stagingTables } from './tables.js';

/** Makes the tables of a run, with the columns that its dataset has. Throws DatasetError where the dataset has no table. */
export async function makeStaging(warehouse: Warehouse, manifest: Manifest, run: DatasetRun): Promise<void> {
  const evolved = await evolvedColumns(warehouse, manifest);
  const columns = await rowColumns(warehouse, storageName(manifest.name));
  const missing = landing(manifest.columns).filter(({ name }) => !columns.includes(name));
  if (missing.length > 0)
    throw new DatasetError(`its table lacks ${missing.map(({ name }) => name).join(', ')}: apply the manifest again`);
  const { staging, quarantine } = stagingDefinition(manifest, run.number, { database: warehouse.database, evolved });
  const keys = `CREATE TABLE IF NOT EXISTS ${stagingTables(run).keys} (_batch UInt64, key Array(String))
    ENGINE = MergeTree ORDER BY _batch`;
  for (const statement of [staging, quarantine, keys]) await warehouse.command(statement);
}

export async function hasStaging(warehouse: Warehouse, run: DatasetRun): Promise<boolean> {
  return (await rowColumns(warehouse, stagingTable(run))).length > 0;
}

/** Drops the tables of all runs of a dataset: only who has the turn has any. */
export async function dropStaging(warehouse: Warehouse, dataset: string): Promise<void> {
  const tables = await warehouse.query<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})',
    { prefix: stagingPrefix(dataset) },
  );
  for (const { name } of tables) await warehouse.command(`DROP TABLE IF EXISTS ${identifier(name)} SYNC`);
}
