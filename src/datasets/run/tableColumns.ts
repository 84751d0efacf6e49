import type { Warehouse } from '../../warehouse/index.js';
import { HIDDEN_COLUMNS } from '../tables/index.js';

/** Columns that a table of rows has besides those that were declared or that a source brought. */
const HIDDEN: ReadonlySet<string> = new Set([...HIDDEN_COLUMNS, '_piece', '_input']);

/** Names of the columns of a table that hold what the source told, in their order. */
export async function rowColumns(warehouse: Warehouse, table: string): Promise<string[]> {
  const rows = await warehouse.query<{ name: string }>(
    `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position`,
    { table },
  );
  return rows.flatMap(({ name }) => (HIDDEN.has(name) ? [] : [name]));
}
