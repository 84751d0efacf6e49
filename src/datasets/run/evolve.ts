import type { DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Manifest } from '../manifest/schema.js';
import { EVOLVED_TYPE_TEXT, addColumns, evolvedNames, identifier, readTable } from '../tables/index.js';
import { DatasetError } from './dependencies.js';
import { stagingTables } from './tables.js';

/** Columns of the table that no manifest declares: those that the source once brought. */
export async function evolvedColumns(warehouse: Warehouse, manifest: Manifest): Promise<string[]> {
  const storage = (await readTable(warehouse, manifest.name))?.storage;
  if (storage === undefined) throw new DatasetError(`${manifest.name} has no table: penstock dataset apply makes it`);
  return evolvedNames(manifest, storage);
}

/**
 * Adds columns to the tables of a dataset and of a run of it. Twice is harmless, and so are two shares that do it at once:
 * the table has all columns then, and the view those of whom came last. Throws DatasetError for a name that no column can
 * have.
 */
export async function evolve(
  warehouse: Warehouse,
  manifest: Manifest,
  { run, names }: { run: DatasetRun; names: readonly string[] },
): Promise<void> {
  const existing = await readTable(warehouse, manifest.name);
  if (existing === undefined) throw new DatasetError(`${manifest.name} has no table: penstock dataset apply makes it`);
  const { changes, refusals } = addColumns(manifest, existing, names, { database: warehouse.database });
  refuseColumns(refusals);
  for (const name of names)
    await warehouse.command(
      `ALTER TABLE ${stagingTables(run).rows} ADD COLUMN IF NOT EXISTS ${identifier(name)} ${EVOLVED_TYPE_TEXT}`,
    );
  for (const { sql } of changes) await warehouse.command(sql);
}

/** Throws DatasetError where new columns of a source can't be added. */
export function refuseColumns(refusals: readonly string[]): void {
  if (refusals.length > 0) throw new DatasetError(`new columns of the source: ${refusals.join('; ')}`);
}
