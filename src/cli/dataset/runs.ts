import { listRuns } from '../../datasets/index.js';
import { EXIT, UsageError } from '../verb.js';
import { datasetName, limitOf, type RunsFlags } from './flags.js';
import { withWarehouse } from '../withWarehouse.js';
import { runsText } from './text.js';

const MOST = 10_000;
const STATUSES = ['running', 'published', 'unchanged', 'failed', 'cancelled'];

/** Lists runs, the latest first, and returns the exit code. */
export async function runs(name: string | undefined, flags: RunsFlags): Promise<number> {
  const { status } = flags;
  if (status !== undefined && !STATUSES.includes(status))
    throw new UsageError(`--status '${status}': one of ${STATUSES.join(', ')}`);
  const filter = {
    dataset: name === undefined ? undefined : datasetName(name),
    status,
    limit: limitOf(flags.limit, MOST),
  };
  const found = await withWarehouse(flags.dataDir, (warehouse) => listRuns(warehouse, filter));
  process.stdout.write(flags.json ? `${JSON.stringify({ runs: found }, undefined, 2)}\n` : runsText(found));
  return EXIT.ok;
}
