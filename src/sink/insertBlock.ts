import { WarehouseError, type Warehouse } from '../warehouse/index.js';
import type { Block, InsertOutcome } from './block.js';

/**
 * Inserts rows of one table. A refusal that no row is to blame for (schema, rights) is thrown, and waited out like a
 * server that is away; one that says nothing until `signal` aborts, too.
 */
export async function insertBlock(
  warehouse: Warehouse,
  { target, data }: Block,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<InsertOutcome> {
  try {
    await warehouse.insert({ ...target, rows: data, timeoutMs, signal });
    return { kind: 'stored' };
  } catch (error) {
    if (error instanceof WarehouseError && error.kind === 'data') return { kind: 'data', message: error.message };
    throw error;
  }
}
