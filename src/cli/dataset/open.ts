import { connectTemporal, type TemporalClient } from '../../client/index.js';
import type { Config } from '../../config/index.js';
import { createLogger, reasonOf } from '../../telemetry/index.js';
import { createWarehouse, WarehouseError, type Warehouse } from '../../warehouse/index.js';
import { findStack } from '../findStack.js';
import { VerbError } from '../verb.js';

/** Opens ClickHouse for `work`. Throws VerbError with what ClickHouse says when it can't be asked. */
export async function withWarehouse<T>(
  dataDir: string | undefined,
  work: (warehouse: Warehouse, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = await findStack(dataDir);
  const warehouse = createWarehouse(config, createLogger('dataset', 'silent'));
  try {
    return await work(warehouse, config);
  } catch (error) {
    if (error instanceof WarehouseError) throw new VerbError(`ClickHouse: ${reasonOf(error)}`);
    throw error;
  } finally {
    await warehouse.close();
  }
}

/** Opens Temporal for `work`; call it where the stack was found. A server that is away is one sentence. */
export async function withTemporal<T>(work: (client: TemporalClient['client']) => Promise<T>): Promise<T> {
  let temporal: TemporalClient | undefined;
  try {
    temporal = await connectTemporal();
    return await work(temporal.client);
  } catch (error) {
    if (error instanceof VerbError || error instanceof WarehouseError) throw error;
    throw new VerbError(`Temporal: ${reasonOf(error)}`);
  } finally {
    await temporal?.connection.close();
  }
}
