import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface BackfillFlags {
  model?: string;
  lane?: string;
  missing?: boolean;
  since?: string;
  startAfter?: string;
  dryRun?: boolean;
  rate?: string;
  ahead?: string;
  cancel?: boolean;
  dataDir?: string;
  json?: boolean;
}

const HELP = `
The same bucket, prefix and options are one backfill: called again while it runs, the verb attaches to it, and --rate and
--ahead change its pace. It runs in the orchestrator and goes on without this program. Twice through is harmless.

Exit code: 0 when it is done; 1 when it failed or was cancelled; 2 for wrong options; 130 after Ctrl-C, which leaves it
running.`;

/** `penstock backfill`: sends the objects that are in a bucket through. */
export function backfillCommand(): Command {
  return withMisuseCode(new Command('backfill'))
    .description('sends the objects that are in a bucket through, behind live traffic')
    .argument('<gs-url>', 'gs://bucket or gs://bucket/prefix; every object whose name begins with the prefix')
    .option('--missing', 'only images that the model has not detected; dead ones when another try may help')
    .option('--model <name>', 'another model than the routes say')
    .option('--lane <lane>', 'another lane than the routes say')
    .option('--since <time>', 'only objects created since: 90s, 15m, 2h, 3d, or an ISO time')
    .option('--start-after <name>', 'only objects whose names come after it')
    .option('--rate <images>', 'most images a second; default 1000')
    .option('--ahead <images>', 'enqueues only while fewer wait in the lane; default 1000')
    .option('--dry-run', 'counts, and enqueues nothing')
    .option('--cancel', 'stops the backfill of the same bucket, prefix and options')
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints the end as JSON, and no progress')
    .addHelpText('after', HELP)
    .action(async (url: string, flags: BackfillFlags) => {
      await runVerb(async () => {
        const { backfill } = await import('./backfill.js');
        return backfill(url, flags);
      });
    });
}
