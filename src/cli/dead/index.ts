import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface DeadFlags {
  dataDir?: string;
  json?: boolean;
}

export interface FilterFlags extends DeadFlags {
  kind?: string;
  reason?: string;
  topic?: string;
  since?: string;
  limit: string;
}

export interface ListFlags extends FilterFlags {
  state?: string;
  all?: boolean;
  cursor?: string;
}

export interface DecideFlags extends FilterFlags {
  dryRun?: boolean;
  why?: string;
}

export interface ReplayFlags extends DecideFlags {
  rate: string;
  again?: boolean;
}

/** `penstock dead`: events, records and rows that were refused; shows them, sends them again, puts them away. */
export function deadCommand(): Command {
  const command = withMisuseCode(new Command('dead'))
    .description('dead letters: what intake, a dispatcher or the sink refused; lists, shows, replays, discards them')
    .addHelpText('after', HELP);
  const verb = (name: string, description: string): Command =>
    withMisuseCode(command.command(name))
      .description(description)
      .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
      .option('--json', 'prints it as JSON');
  filters(verb('ls', 'lists open letters, the latest first'), '50')
    .option('--state <state>', 'open, replayed or discarded', 'open')
    .option('--all', 'of every state')
    .option('--cursor <text>', 'goes on after the page that ended with it')
    .addHelpText('after', '\nExit code: 0; 1 when ClickHouse does not answer; 2 for an option that can not be.')
    .action(async (flags: ListFlags) => {
      await runVerb(async () => (await import('./ls.js')).ls(flags));
    });
  verb('show', 'shows a letter whole: its body, where it came from, and what was decided about it')
    .argument('<id>', 'id of the letter')
    .addHelpText('after', '\nExit code: 0; 1 when there is no such letter.')
    .action(async (id: string, flags: DeadFlags) => {
      await runVerb(async () => (await import('./show.js')).show(id, flags));
    });
  filters(verb('replay', 'sends letters back to where they came from'), '1000')
    .argument('[ids...]', 'ids of letters; else filters choose among those that are open')
    .option('--dry-run', 'says what would become of each, and sends nothing')
    .option('--again', 'also those of the ids that were replayed or discarded')
    .option('--rate <letters>', 'most letters a second, 1 to 1000', '20')
    .option('--why <text>', 'why; it is kept with the decision')
    .addHelpText('after', REPLAY_HELP)
    .action(async (ids: string[], flags: ReplayFlags) => {
      await runVerb(async () => (await import('./replay.js')).replay(ids, flags));
    });
  filters(verb('discard', 'puts letters away: they are open no more'), '1000')
    .argument('[ids...]', 'ids of letters; else filters choose among those that are open')
    .option('--dry-run', 'says which, and decides nothing')
    .requiredOption('--why <text>', 'why; it is kept with who and when')
    .addHelpText('after', '\nExit code: 0; 1 when one of the ids is not there, or is not open; 2 for a wrong option.')
    .action(async (ids: string[], flags: DecideFlags) => {
      await runVerb(async () => (await import('./discard.js')).discard(ids, flags));
    });
  return command;
}

function filters(verb: Command, limit: string): Command {
  return verb
    .option('--kind <kind>', 'body (refused by intake), record (by a dispatcher) or row (by the sink)')
    .option('--reason <code>', 'reason code, see docs/reasons.md')
    .option('--topic <topic>', 'topic that their records were read from')
    .option('--since <time>', 'received since then: a duration before now (2h, 3d) or an ISO time')
    .option('--limit <count>', 'at most so many, 1 to 10000', limit);
}

const HELP = `
Letters are in ClickHouse, as long as the rows that they might have been. A picture that could not be detected is no
letter but a row of images with status dead: that is for penstock retry.`;

const REPLAY_HELP = `
A record goes to its own topic with its key and headers. A body that intake refused is read as if it was posted now, with
the routes and limits that this verb is configured with. What would be refused again is not sent and stays open, and so
does what was cut at 64 KiB. A picture has one row however often its event or result comes: replaying twice does no harm.
Exit code: 0; 1 when a letter was not replayed, or a server does not answer; 2 for an option that can not be.`;
