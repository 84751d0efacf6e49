import { backfillDataset, hasSchedule } from '../../client/index.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import { datasetName, momentOf, type BackfillFlags } from './flags.js';
import { withTemporal } from './withTemporal.js';
import { findStack } from '../findStack.js';

/** Has the schedule make up for a span of time, and returns the exit code. */
export async function backfill(name: string, flags: BackfillFlags): Promise<number> {
  const dataset = datasetName(name);
  const from = momentOf(flags.from, '--from');
  const to = momentOf(flags.to, '--to');
  if (from >= to) throw new UsageError('--from has to be before --to');
  await findStack(flags.dataDir);
  await withTemporal(async (client) => {
    if (!(await hasSchedule(client, dataset)))
      throw new VerbError(`${dataset} has no schedule: its manifest names none, or it was never applied`);
    await backfillDataset(client, dataset, new Date(from), new Date(to));
  });
  const report = { dataset, from, to };
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(report)}\n`
      : `Asked for: one run after the other for each moment from ${from} to ${to}. penstock dataset runs ${dataset} shows them.\n`,
  );
  return EXIT.ok;
}
