import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface AuditFlags {
  since: string;
  grace: string;
  bucket: string[];
  prefix: string;
  list: string;
  dataDir?: string;
  json?: boolean;
}

/** `penstock audit`: what is in the buckets and was never received, what was received and never stored. */
export function auditCommand(): Command {
  return withMisuseCode(new Command('audit'))
    .description('compares buckets, events and results, and says what is missing')
    .option('--since <time>', 'of objects uploaded since then: a duration before now (2h, 3d) or an ISO time', '1d')
    .option('--grace <time>', 'and until then: what is newer may still be on its way', '15m')
    .option(
      '--bucket <name>',
      'a bucket; repeat it for others. Default: those that something came from since',
      collect,
      [],
    )
    .option('--prefix <prefix>', 'only objects whose names begin with it', '')
    .option('--list <count>', 'how many of the missing are listed; all are counted', '100')
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints the report as JSON')
    .addHelpText('after', HELP)
    .action(async (flags: AuditFlags) => {
      await runVerb(async () => {
        const { runAudit } = await import('./audit.js');
        return runAudit(flags);
      });
    });
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

const HELP = `
What waits in Kafka, is held by a circuit breaker or runs is not missing. A bucket is listed whole, a thousand objects at
a time, about 20,000 a second: where names begin with a date, --prefix makes it quick.
Exit code: 0 when nothing is missing; 1 when something is, or a bucket or server could not be asked; 2 for an option that
can not be.`;
