import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';
import { checkCommand } from './check.js';
import type { ApplyFlags, BackfillFlags, FollowFlags, QuarantineFlags, RunFlags, RunsFlags } from './flags.js';
import { initCommand } from './init.js';
import { previewCommand } from './preview.js';

/** `penstock dataset`: what is done with datasets and their manifests. Each verb loads what it needs when it runs. */
export function datasetCommand(): Command {
  return withMisuseCode(new Command('dataset'))
    .description(
      'datasets: proposes, checks, previews and applies manifests; runs them, and shows what became of their rows',
    )
    .showHelpAfterError()
    .addCommand(initCommand())
    .addCommand(checkCommand())
    .addCommand(previewCommand())
    .addCommand(applyCommand())
    .addCommand(runCommand())
    .addCommand(runsCommand())
    .addCommand(quarantineCommand())
    .addCommand(replayCommand())
    .addCommand(backfillCommand());
}

function verb(name: string, description: string): Command {
  return withMisuseCode(new Command(name))
    .description(description)
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints it as JSON');
}

function applyCommand(): Command {
  return verb('apply', 'shows what manifests change (tables, schedules), and makes it')
    .argument('<path>', 'a manifest, or a folder of manifests')
    .option('--dry-run', 'shows it, and changes nothing')
    .option('--allow-delete', 'also where a shorter ttl deletes rows')
    .addHelpText('after', APPLY_HELP)
    .action(async (path: string, flags: ApplyFlags) => {
      await runVerb(async () => (await import('./apply.js')).apply(path, flags));
    });
}

function runCommand(): Command {
  return verb('run', 'starts a run, and shows it to its end')
    .argument('<dataset>', 'its name')
    .option('--date <time>', 'the moment that the run is for; default: now')
    .option('--since <cursor>', 'where an incremental source begins; default: where the last run ended')
    .option('--until <cursor>', 'where it ends')
    .option('--full', 'all inputs, also those that an earlier run took')
    .option('--key <text>', 'one run for each key, however often it is asked for')
    .option('--no-wait', 'only starts it')
    .addHelpText('after', RUN_HELP)
    .action(async (name: string, flags: RunFlags) => {
      await runVerb(async () => (await import('./run.js')).run(name, flags));
    });
}

function runsCommand(): Command {
  return verb('runs', 'lists runs, the latest first')
    .argument('[dataset]', 'its name; default: all datasets')
    .option('--status <status>', 'running, published, unchanged, failed or cancelled')
    .option('--limit <count>', 'at most so many, 1 to 10000', '20')
    .addHelpText('after', '\nExit code: 0; 1 when ClickHouse does not answer; 2 for an option that can not be.')
    .action(async (name: string | undefined, flags: RunsFlags) => {
      await runVerb(async () => (await import('./runs.js')).runs(name, flags));
    });
}

function quarantineCommand(): Command {
  return verb('quarantine', 'shows rows that a run has set aside, with where they stand and why')
    .argument('<dataset>', 'its name')
    .option('--run <id>', 'of this run; default: the last that set any aside')
    .option('--reason <word>', 'only these')
    .option('--limit <count>', 'at most so many rows, 1 to 100000', '50')
    .addHelpText('after', '\nExit code: 0; 1 when ClickHouse does not answer; 2 for an option that can not be.')
    .action(async (name: string, flags: QuarantineFlags) => {
      await runVerb(async () => (await import('./quarantine.js')).quarantine(name, flags));
    });
}

function replayCommand(): Command {
  return verb('replay', 'runs the inputs of an earlier run again, by the manifest as it is now')
    .argument('<dataset>', 'its name')
    .argument('<run>', 'id of the run')
    .option('--no-wait', 'only starts it')
    .addHelpText('after', REPLAY_HELP)
    .action(async (name: string, id: string, flags: FollowFlags) => {
      await runVerb(async () => (await import('./replay.js')).replay(name, id, flags));
    });
}

function backfillCommand(): Command {
  return verb('backfill', 'has the schedule make up for a span of time')
    .argument('<dataset>', 'its name')
    .requiredOption('--from <time>', 'beginning, like 2026-01-01')
    .requiredOption('--to <time>', 'end')
    .addHelpText('after', BACKFILL_HELP)
    .action(async (name: string, flags: BackfillFlags) => {
      await runVerb(async () => (await import('./backfill.js')).backfill(name, flags));
    });
}

const APPLY_HELP = `
Tables are changed first, then the manifest is kept, then its schedule. What would lose data is refused, and then nothing
is changed. Datasets whose manifests are not among these are left as they are. Twice is harmless.
Exit code: 0; 1 when a manifest is wrong or something was refused; 2 for a path that is none.`;

const RUN_HELP = `
Runs of a dataset take turns: one that is at work is waited for.
Exit code: 0 when the run was published, or there was nothing new; 1 when it failed or was cancelled; 2 for a wrong option;
130 after Ctrl-C: the run goes on.`;

const REPLAY_HELP = `
For rows that were set aside: mend the manifest, apply it, replay the run. Rows that landed are duplicates by their key;
where a dataset is replaced, the inputs take the place of what is there.
Exit code: as of penstock dataset run.`;

const BACKFILL_HELP = `
One run after the other for each moment that the schedule would have had, which is the logical date of the run.
Exit code: 0; 1 when the dataset has no schedule; 2 for a wrong option.`;
