import { connectTemporal, type TemporalClient } from '../../client/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { WarehouseError } from '../../warehouse/index.js';
import { VerbError } from '../verb.js';

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
