import { Command } from 'commander';
import { EXIT, runVerb, withMisuseCode } from '../verb.js';

/** `penstock dataset check`: whether manifests can be used, alone and together. */
export function checkCommand(): Command {
  return withMisuseCode(new Command('check'))
    .description('says what is wrong with manifests, by line and column, and what is odd in them')
    .argument('<path...>', 'manifests, and folders: of a folder every *.yaml and *.yml in it')
    .option('--json', 'prints it as JSON')
    .addHelpText('after', HELP)
    .action(async (paths: string[], flags: { json?: boolean }) => {
      await runVerb(async () => {
        const [{ checkManifests }, { checkText }] = await Promise.all([
          import('./checkManifests.js'),
          import('./checkText.js'),
        ]);
        const report = await checkManifests(paths);
        process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : checkText(report)}\n`);
        return report.ok ? EXIT.ok : EXIT.failed;
      });
    });
}

const HELP = `
Nothing is asked but the files: whether a bucket, an API or a table is there, a run says.
Datasets that a lookup or a reference names are looked for among the manifests that are given.
Exit code: 0 when all can be used, with or without warnings; 1 when something in one is wrong; 2 for a path that can not
be read and for wrong options.`;
