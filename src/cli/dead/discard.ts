import { decisionReport, discardLetters, isWhole } from '../../operations/index.js';
import { EXIT, UsageError } from '../verb.js';
import { who } from '../who.js';
import { limitOf, readChoice, readFilter } from './filter.js';
import type { DecideFlags } from './index.js';
import { decisionText } from './text.js';
import { withWarehouse } from '../withWarehouse.js';

/** Records that letters are to be left alone, by whom and why, and returns the exit code. */
export async function discard(ids: readonly string[], flags: DecideFlags): Promise<number> {
  const why = (flags.why ?? '').trim();
  if (why === '') throw new UsageError('--why: a reason that is worth reading');
  const choice = readChoice(ids, readFilter(flags, Date.now()));
  const limit = limitOf(choice, flags.limit);
  const dryRun = flags.dryRun === true;
  const letters = await withWarehouse(flags.dataDir, (warehouse) =>
    discardLetters(warehouse, choice, { who: who(), why, limit, dryRun }),
  );
  const report = decisionReport(letters, { dryRun, limit });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : decisionText(report));
  return isWhole(report) ? EXIT.ok : EXIT.failed;
}
