import { decisionReport, isWhole, replayLetters } from '../../operations/index.js';
import { createLogger } from '../../telemetry/index.js';
import { EXIT, UsageError } from '../verb.js';
import { who } from '../who.js';
import { limitOf, readChoice, readCount, readFilter } from './filter.js';
import type { ReplayFlags } from './index.js';
import { decisionText } from './text.js';
import { withWarehouse } from '../withWarehouse.js';

const BY_DEFAULT = 'by penstock dead replay';

/** Sends letters back to where they came from and returns the exit code. */
export async function replay(ids: readonly string[], flags: ReplayFlags): Promise<number> {
  const choice = readChoice(ids, readFilter(flags, Date.now()));
  if (flags.again && !('ids' in choice)) throw new UsageError('--again: only for letters that are named by their ids');
  const limit = limitOf(choice, flags.limit);
  const perSecond = readCount('--rate', flags.rate, 1_000);
  const dryRun = flags.dryRun === true;
  const log = createLogger('dead', 'silent');
  const letters = await withWarehouse(flags.dataDir, (warehouse, config) =>
    replayLetters({ warehouse, config, log }, choice, {
      ...{ who: who(), why: flags.why ?? BY_DEFAULT, limit, dryRun, perSecond, again: flags.again === true },
    }),
  );
  const report = decisionReport(letters, { dryRun, limit });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : decisionText(report));
  return isWhole(report) ? EXIT.ok : EXIT.failed;
}
