import { Command } from 'commander';
import { EXIT, runVerb, withMisuseCode } from '../verb.js';

interface RoutingFlags {
  json?: boolean;
}

/** `penstock routing`: what the file of routes says. */
export function routingCommand(): Command {
  return withMisuseCode(new Command('routing'))
    .description('checks the file of routes, and tells which route an object takes')
    .showHelpAfterError()
    .addCommand(checkCommand())
    .addCommand(testCommand());
}

const FILE = 'the file of routes; default: PENSTOCK_ROUTING_FILE';

function checkCommand(): Command {
  return withMisuseCode(new Command('check'))
    .description('says what is wrong with a file of routes, by line, and shows its routes and what is odd in them')
    .argument('[file]', FILE)
    .option('--json', 'prints it as JSON')
    .addHelpText('after', CHECK_HELP)
    .action(async (file: string | undefined, flags: RoutingFlags) => {
      await runVerb(async () => {
        const [{ checkRoutes }, { checkText }] = await Promise.all([import('./check.js'), import('./report.js')]);
        const report = await checkRoutes(file, process.env);
        process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : checkText(report)}\n`);
        return report.ok ? EXIT.ok : EXIT.failed;
      });
    });
}

function testCommand(): Command {
  return withMisuseCode(new Command('test'))
    .description('tells which route an object takes, and why')
    .argument('<object>', 'gs://bucket/name')
    .argument('[file]', FILE)
    .option('--json', 'prints it as JSON')
    .addHelpText('after', TEST_HELP)
    .action(async (object: string, file: string | undefined, flags: RoutingFlags) => {
      await runVerb(async () => {
        const [{ testRoute }, { testText }] = await Promise.all([import('./check.js'), import('./report.js')]);
        const report = await testRoute(object, file, process.env);
        process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : testText(report)}\n`);
        return report.routed ? EXIT.ok : EXIT.failed;
      });
    });
}

const CHECK_HELP = `
Lanes and buckets are those of the environment (PENSTOCK_LANES, PENSTOCK_DEFAULT_LANE, PENSTOCK_BUCKETS).
Exit code: 0 when the file can be used, with or without warnings; 1 when something in it is wrong; 2 for a file that can
not be read and for wrong options.`;

const TEST_HELP = `
Exit code: 0 when the object goes to a model; 1 when nothing wants it or the file is wrong; 2 for a file that can not be
read and for wrong options.`;
