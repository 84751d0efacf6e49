import { startDatasetRun } from '../../client/index.js';
import { findRun } from '../../datasets/index.js';
import { VerbError } from '../verb.js';
import { datasetName, type FollowFlags } from './flags.js';
import { follow } from './follow.js';
import { withWarehouse } from '../withWarehouse.js';
import { withTemporal } from './withTemporal.js';

/** Runs the inputs of an earlier run again, by the manifest as it is now, and returns the exit code. */
export function replay(name: string, id: string, flags: FollowFlags): Promise<number> {
  const dataset = datasetName(name);
  return withWarehouse(flags.dataDir, async (warehouse) => {
    const before = await findRun(warehouse, { run: id });
    if (before?.dataset !== dataset)
      throw new VerbError(`${dataset} has no run ${id}: penstock dataset runs ${dataset}`);
    const { number: replayOf, logical_date: at } = before;
    const logicalDate = new Date(at).toISOString();
    return withTemporal(async (client) => {
      const started = await startDatasetRun(client, { dataset, trigger: 'replay', replayOf, logicalDate });
      return follow({ client, warehouse }, started, flags);
    });
  });
}
