import { Command } from 'commander';
import { EXIT, runVerb, withMisuseCode } from '../verb.js';

/** `penstock tables`: what the file of the sink's tables says. */
export function tablesCommand(): Command {
  return withMisuseCode(new Command('tables'))
    .description('checks the file of topics and tables of the sink')
    .showHelpAfterError()
    .addCommand(checkCommand());
}

function checkCommand(): Command {
  return withMisuseCode(new Command('check'))
    .description('says what is wrong with a file of tables, field by field, and shows its topics and tables')
    .argument('[file]', 'the file of tables; default: PENSTOCK_SINK_TABLES_FILE')
    .option('--json', 'prints it as JSON')
    .addHelpText('after', CHECK_HELP)
    .action(async (file: string | undefined, flags: { json?: boolean }) => {
      await runVerb(async () => {
        const { checkTables, checkText } = await import('./check.js');
        const report = await checkTables(file, process.env);
        process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : checkText(report)}\n`);
        return report.ok ? EXIT.ok : EXIT.failed;
      });
    });
}

const CHECK_HELP = `
Neither Kafka nor ClickHouse is asked: whether a topic and a table are there, the sink says when it runs.
Exit code: 0 when the file can be used; 1 when something in it is wrong; 2 for a file that can not be read and for wrong
options.`;
