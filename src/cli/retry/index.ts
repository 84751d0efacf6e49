import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface RetryFlags {
  batch?: string;
  since?: string;
  reason?: string;
  model?: string;
  all?: boolean;
  dryRun?: boolean;
  rate: string;
  ahead: string;
  dataDir?: string;
  json?: boolean;
}

const HELP = `
Exactly one of --batch, --since, --reason, --model and --all. A batch is started again under its id, with its images: it
leaves out those that are detected by now, or dead for good, and tries all others. Twice is harmless, as are two retries
at once. A batch that runs, or has ended well since, is left alone. --reason selects whole batches: the other images that
they miss are tried as well.

A batch that Temporal can't read or refuses to start is listed with the reason, and the others go on.

Exit code: 0 when all that was started ended well, or nothing was to do; 1 when something failed again, or could not be
read or started; 2 for wrong options; 130 after Ctrl-C: nothing more is started, and what was goes on.`;

/** `penstock retry`: starts failed batches again. */
export function retryCommand(): Command {
  return withMisuseCode(new Command('retry'))
    .description('starts failed batches again; only what they miss runs')
    .option('--batch <id>', 'the batch of that workflow id')
    .option('--since <time>', 'those that failed since: 90s, 15m, 2h, 3d, or an ISO time')
    .option('--reason <code>', 'those with an image that is dead for that reason')
    .option('--model <name>', 'those of a model')
    .option('--all', 'all that Temporal keeps')
    .option('--dry-run', 'shows them, and starts nothing')
    .option('--rate <batches>', 'most batches started a second', '5')
    .option('--ahead <batches>', 'starts only while fewer of its batches run', '20')
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints the end as JSON, and no progress')
    .addHelpText('after', HELP)
    .action(async (flags: RetryFlags) => {
      await runVerb(async () => {
        const { retry } = await import('./retry.js');
        return retry(flags);
      });
    });
}
