import type { Config } from '../config/index.js';
import { createLogger, reasonOf } from '../telemetry/index.js';
import { createWarehouse, WarehouseError, type Warehouse } from '../warehouse/index.js';
import { findStack } from './findStack.js';
import { VerbError } from './verb.js';

/** Opens ClickHouse for `work`. Throws VerbError with what ClickHouse says when it can't be asked. */
export async function withWarehouse<T>(
  dataDir: string | undefined,
  work: (warehouse: Warehouse, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = await findStack(dataDir);
  const warehouse = createWarehouse(config, createLogger('cli', 'silent'));
  try {
    return await work(warehouse, config);
  } catch (error) {
    if (error instanceof WarehouseError) throw new VerbError(`ClickHouse: ${reasonOf(error)}`);
    throw error;
  } finally {
    await warehouse.close();
  }
}
