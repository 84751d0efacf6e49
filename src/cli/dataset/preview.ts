import { Command, InvalidArgumentError } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';
import type { PreviewFlags } from './flags.js';

const MOST_ROWS = 1_000;

/** `penstock dataset preview`: the first rows of a manifest's source, as a run would leave them. */
export function previewCommand(): Command {
  return withMisuseCode(new Command('preview'))
    .description('shows the first rows of a source as they would land, and those that would be set aside')
    .argument('<manifest>', 'a file; it need not be applied')
    .option('--rows <number>', 'how many rows are looked at, 1 to 1000; default: 20', rowsOf)
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints it as JSON')
    .addHelpText('after', HELP)
    .action(async (file: string, flags: PreviewFlags) => {
      await runVerb(async () => (await import('./previewManifest.js')).previewManifest(file, flags));
    });
}

function rowsOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= MOST_ROWS) return Number(text);
  throw new InvalidArgumentError(`a whole number from 1 to ${MOST_ROWS}`);
}

const HELP = `
This machine reads the source, with its own secrets (PENSTOCK_SECRETS_DIR), and only as much of it as it needs: whatever
runs have taken, from the first file or page on. ClickHouse is asked by lookups, Temporal when requests to an API may
begin. Nothing is written, and no run is started.
Exit code: 0; 1 when the source can not be read, or a run of these rows would fail; 2 for a manifest that is not there, and
wrong options; 130 after Ctrl-C.`;
