import { Command } from 'commander';
import type { CapacityChange } from '../../domain/index.js';
import { runVerb, withMisuseCode } from '../verb.js';

export interface CapacityFlags {
  dataDir?: string;
  json?: boolean;
}

export interface ChangeFlags extends CapacityFlags {
  why?: string;
  model?: string;
}

export interface BudgetFlags extends ChangeFlags {
  images?: string;
  money?: string;
  price?: string;
  currency?: string;
  timeZone?: string;
  expressBeyond?: boolean;
}

export interface HistoryFlags extends CapacityFlags {
  last: string;
}

/** `penstock capacity`: how fast the fleet may infer, by whom, and for how much a day; changes it, or stops it. */
export function capacityCommand(): Command {
  const command = withMisuseCode(new Command('capacity')).description(
    'cap, leases, window and budget of the fleet: shows them, changes them, pauses and resumes',
  );
  const verb = (name: string, description: string): Command =>
    withMisuseCode(command.command(name))
      .description(description)
      .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
      .option('--json', 'prints it as JSON');
  verb('show', 'shows cap, shares, window, budget of the day and the last changes')
    .addHelpText('after', '\nExit code: 0; 1 when Temporal or the orchestrator does not answer.')
    .action(async (flags: CapacityFlags) => {
      await runVerb(async () => (await import('./show.js')).show(flags));
    });
  verb('history', 'lists the changes that ClickHouse has, latest first')
    .option('--last <n>', 'how many, at most 1000', '20')
    .action(async (flags: HistoryFlags) => {
      await runVerb(async () => (await import('./history.js')).history(flags));
    });
  changes((name, description) =>
    verb(name, description).addHelpText(
      'after',
      '\nReturns when every detector and dispatcher goes by it, or has no lease any more.\n' +
        'Exit code: 0; 1 when Temporal or the orchestrator does not answer; 2 when the change is refused.',
    ),
  );
  return command;
}

function changes(verb: (name: string, description: string) => Command): void {
  const change = (flags: ChangeFlags, read: (model: string) => Promise<CapacityChange>): Promise<never> =>
    runVerb(async () => (await import('./change.js')).change(read, flags));
  const options = () => import('./options.js');
  const model = '--model <name>';
  const ofModel = 'of which model; default: PENSTOCK_DEFAULT_MODEL';
  const why = '--why <text>';
  const isKept = 'why; it is kept with the change';
  verb('set', 'most inferences a second of all detectors of a model')
    .argument('<rate>', 'images a second; none: what they can sustain; default: back to the configuration')
    .option(model, ofModel)
    .option(why, isKept)
    .action((rate: string, flags: ChangeFlags) => change(flags, async (of) => (await options()).readSet(rate, of)));
  verb('plan', 'detectors of a model that may serve at once; further ones stand by')
    .argument('<detectors>', '1 to 500; all; default: back to the configuration')
    .option(model, ofModel)
    .option(why, isKept)
    .action((detectors: string, flags: ChangeFlags) =>
      change(flags, async (of) => (await options()).readPlan(detectors, of)),
    );
  verb('pause', 'starts no batch in any lane until `resume`; those that are open end')
    .requiredOption(why, 'why nothing is started; it is shown until `resume`')
    .action((flags: ChangeFlags) => change(flags, () => Promise.resolve({ pause: true })));
  verb('resume', 'ends a pause')
    .option(why, isKept)
    .action((flags: ChangeFlags) => change(flags, () => Promise.resolve({ resume: true })));
  verb('budget', 'most images and most money a day')
    .argument('[default]', 'default: all of it back to the configuration')
    .option('--images <n>', 'most images a day; none: no ceiling')
    .option('--money <n>', 'most money a day; none: no ceiling')
    .option('--price <n>', 'what one detector costs an hour; none: not known')
    .option('--currency <code>', 'of money and price, like EUR')
    .option('--time-zone <zone>', 'IANA time zone in which the day begins at midnight')
    .option('--express-beyond', 'express images are detected though the budget is used up')
    .option('--no-express-beyond', 'express images wait as well')
    .option(why, isKept)
    .action((word: string | undefined, flags: BudgetFlags) =>
      change(flags, async () => (await options()).readBudget(word, flags)),
    );
}
