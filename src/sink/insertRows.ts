import { WarehouseError, type Warehouse } from '../warehouse/index.js';
import type { InsertOutcome, Row } from './block.js';

/**
 * Inserts rows of one table. A refusal that no row is to blame for (schema, rights) is thrown, and waited out like a
 * server that is away; one that says nothing until `signal` aborts, too.
 */
export async function insertRows(
  warehouse: Warehouse,
  rows: readonly Row[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<InsertOutcome> {
  const target = rows[0]?.target;
  if (target === undefined) return { kind: 'stored' };
  try {
    await warehouse.insert({ ...target, rows: rows.map(({ data }) => data), timeoutMs, signal });
    return { kind: 'stored' };
  } catch (error) {
    if (error instanceof WarehouseError && error.kind === 'data') return { kind: 'data', message: error.message };
    throw error;
  }
}
