import { countQuarantined, listQuarantined } from '../../datasets/index.js';
import { EXIT } from '../verb.js';
import { datasetName, limitOf, type QuarantineFlags } from './flags.js';
import { withWarehouse } from '../withWarehouse.js';
import { quarantineText } from './text.js';

const MOST = 100_000;

/** Shows what a run has set aside, and returns the exit code. */
export async function quarantine(name: string, flags: QuarantineFlags): Promise<number> {
  const filter = { dataset: datasetName(name), run: flags.run, reason: flags.reason };
  const limit = limitOf(flags.limit, MOST);
  const [counts, rows] = await withWarehouse(flags.dataDir, (warehouse) =>
    Promise.all([countQuarantined(warehouse, filter), listQuarantined(warehouse, filter, limit)]),
  );
  process.stdout.write(
    flags.json ? `${JSON.stringify({ counts, rows }, undefined, 2)}\n` : quarantineText(counts, rows),
  );
  return EXIT.ok;
}
