import { startDatasetRun } from '../../client/index.js';
import type { DatasetRunRequest } from '../../domain/index.js';
import { datasetName, momentOf, type RunFlags } from './flags.js';
import { follow } from './follow.js';
import { withWarehouse } from '../withWarehouse.js';
import { withTemporal } from './withTemporal.js';

/** Starts a run by hand and returns the exit code. */
export function run(name: string, flags: RunFlags): Promise<number> {
  const { date, since, until, full, key } = flags;
  const request: DatasetRunRequest = {
    ...{ dataset: datasetName(name), trigger: 'hand' },
    ...(date === undefined ? {} : { logicalDate: momentOf(date, '--date') }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(full === true ? { full } : {}),
  };
  return withWarehouse(flags.dataDir, (warehouse) =>
    withTemporal(async (client) => follow({ client, warehouse }, await startDatasetRun(client, request, key), flags)),
  );
}
