import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface StatusFlags {
  dataDir?: string;
  json?: boolean;
  watch?: boolean;
}

/** `penstock status`: what waits, what runs, what failed, and whether everything is healthy. */
export function statusCommand(): Command {
  return withMisuseCode(new Command('status'))
    .description('shows backlog, batches, rate, expected wait, dead letters and the health of every part')
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints it as JSON; with --watch, one line each time')
    .option('--watch', 'shows it again every two seconds until Ctrl-C')
    .addHelpText('after', '\nExit code: 0 when all is healthy; 1 when something is not; 2 when there is no such stack.')
    .action(async (flags: StatusFlags) => {
      await runVerb(async () => {
        const { status } = await import('./status.js');
        return status(flags);
      });
    });
}
