import { Command, InvalidArgumentError, Option } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface DemoFlags {
  count?: number;
  images?: string;
  model?: string;
  dataDir?: string;
  intake?: string;
  bucket?: string;
  report: string;
  keep?: boolean;
  json?: boolean;
  surge?: boolean;
  surgeSeconds?: number;
  cap?: number;
}

/** `penstock demo`: the whole stack on this machine, pictures through it, and an account of every one. */
export function demoCommand(): Command {
  return withMisuseCode(new Command('demo'))
    .description('starts everything on this machine, sends pictures through it and accounts for every one')
    .option('--count <number>', 'pictures to send: generated scenes with known content; default 300', within(1, MOST))
    .option('--images <folder>', 'sends the pictures of this folder instead (jpg, jpeg, png, webp)')
    .option('--model <name|folder>', 'a model that comes with Penstock, or a folder with model.yaml')
    .option('--data-dir <folder>', 'keeps everything there; default: a folder that is removed at the end')
    .addOption(
      new Option(
        '--intake <url>',
        'starts nothing: sends to this intake, of what the environment (PENSTOCK_*) points at',
      )
        .argParser(address)
        .conflicts(['model', 'dataDir', 'keep']),
    )
    .option('--bucket <name>', 'with --intake: a bucket that is there; default uploads')
    .option('--report <folder>', 'where the report with annotated pictures goes', 'demo-report')
    .option('--keep', 'leaves the stack running until Ctrl-C, and prints its addresses')
    .addOption(
      new Option('--surge', 'sends ten times the cap for a minute, and waits until the backlog has drained').conflicts([
        'count',
        'images',
      ]),
    )
    .option('--surge-seconds <number>', 'with --surge: for so long; default 60', within(1, 3600))
    .option(
      '--cap <number>',
      'with --surge: images a second; default 20, with --intake the one that is in force, else this one until the end',
      within(1, 1000),
    )
    .option('--json', 'prints the account as JSON, and nothing else, on stdout')
    .addHelpText('after', HELP)
    .action(async (flags: DemoFlags) => {
      await runVerb(async () => {
        const { demo } = await import('./demo.js');
        return demo(flags);
      });
    });
}

const HELP = `
About ten per cent of the events are delivered twice, and a handful of broken images are in on purpose.
A surge exits with 0 only when nothing was lost or counted twice, no ten seconds went above the cap, at least 97 % of it
was used while a backlog stood, and the drain took as long as foreseen, within 10 %.
With --intake the first of PENSTOCK_INTAKE_BEARER_TOKENS is sent along, and the stack should be at rest.
Exit code: 0 when nothing was lost, nothing counted twice and no good picture failed; 1 otherwise; 2 for wrong options.`;

function address(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new InvalidArgumentError('an address like http://127.0.0.1:8080');
  return text.replace(/\/+$/, '');
}

const MOST = 1_000_000;

/** Reads a whole number from `least` to `most`. */
function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
    return value;
  };
}
