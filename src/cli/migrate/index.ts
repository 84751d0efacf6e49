import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface MigrateFlags {
  json?: boolean;
  verbose?: boolean;
}

/** `penstock migrate`: brings ClickHouse and Kafka to what this program needs, before its roles are started. */
export function migrateCommand(): Command {
  return withMisuseCode(new Command('migrate'))
    .description('applies the migrations of ClickHouse and makes the topics of Kafka that are missing')
    .option('--json', 'prints what was applied as JSON')
    .option('--verbose', 'logs each step on stderr')
    .addHelpText(
      'after',
      '\nBoth servers are those of the environment (PENSTOCK_*). Safe to repeat, and to run from several places at once.',
    )
    .action(async (flags: MigrateFlags) => {
      await runVerb(async () => {
        const { runMigrations } = await import('./migrate.js');
        return runMigrations(flags);
      });
    });
}
