import { Command } from 'commander';
import { EXIT, runVerb, withMisuseCode } from '../verb.js';
import type { CheckFlags } from './check.js';

/** `penstock model`: what helps to bring a model of one's own. */
export function modelCommand(): Command {
  return withMisuseCode(new Command('model'))
    .description('helps with models of your own')
    .showHelpAfterError()
    .addCommand(checkCommand());
}

function checkCommand(): Command {
  return withMisuseCode(new Command('check'))
    .description('loads a model, says what it is and what is wrong with it, and shows what it finds in a picture')
    .argument('<folder>', 'a folder with model.yaml, or the name of a model that comes with Penstock')
    .option('--image <file>', 'the picture; default: a generated scene of shapes')
    .option('--out <file>', 'where the picture with its boxes goes, a JPEG or PNG by its name', 'model-check.jpg')
    .option('--json', 'prints it as JSON')
    .addHelpText('after', HELP)
    .action(async (folder: string, flags: CheckFlags) => {
      await runVerb(async () => {
        const [{ checkModel }, { reportText }] = await Promise.all([import('./check.js'), import('./report.js')]);
        const report = await checkModel(folder, flags, process.env);
        process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : `${reportText(report)}\n`);
        return report.ok ? EXIT.ok : EXIT.failed;
      });
    });
}

const HELP = `
Runs where PENSTOCK_EXECUTION_PROVIDER says, as a detector would.
Exit code: 0 when the model can be used; 1 when something is wrong with it; 2 for a folder, picture, option or provider
that is not there.`;
