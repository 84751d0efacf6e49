import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT, runVerb, withMisuseCode } from '../verb.js';

/** Options of `penstock dataset init`, as they are given. */
export interface InitFlags {
  name?: string;
  source?: 'objects' | 'files' | 'http';
  bucket?: string;
  match?: string;
  url?: string;
  out?: string;
  format?: 'csv' | 'tsv' | 'ndjson' | 'json' | 'parquet';
  rows?: number;
  force?: boolean;
  json?: boolean;
}

const MOST_ROWS = 1_000_000;

/** `penstock dataset init`: writes a manifest by looking at a sample. */
export function initCommand(): Command {
  return withMisuseCode(new Command('init'))
    .description('writes a manifest by looking at a sample file, with its reasons as comments')
    .argument('<sample>', 'a file on this machine: CSV, TSV, NDJSON, JSON or Parquet; texts also as gzip or zstd')
    .option('--name <name>', 'of the dataset; default: by the name of the sample')
    .addOption(
      new Option(
        '--source <type>',
        'where rows will come from; default: what the other options say, else files',
      ).choices(['objects', 'files', 'http']),
    )
    .option('--bucket <bucket>', 'of objects')
    .option('--match <pattern>', 'which objects or files; default: by the name of the sample, with any numbers in it')
    .option('--url <url>', 'of an API')
    .option('--out <file>', 'the manifest; - prints it; default: <name>.yaml in this folder')
    .addOption(
      new Option('--format <format>', 'default: by what is in the sample').choices([
        ...['csv', 'tsv', 'ndjson', 'json', 'parquet'],
      ]),
    )
    .option('--rows <number>', 'how many of its first rows are looked at; default: 100000', rowsOf)
    .option('--force', 'overwrites the manifest that is there')
    .option('--json', 'prints what was found as JSON')
    .addHelpText('after', HELP)
    .action(async (sample: string, flags: InitFlags) => {
      await runVerb(async () => {
        const { initManifest } = await import('./initManifest.js');
        process.stdout.write(`${await initManifest(sample, flags)}\n`);
        return EXIT.ok;
      });
    });
}

function rowsOf(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) <= MOST_ROWS) return Number(text);
  throw new InvalidArgumentError(`a whole number from 1 to ${MOST_ROWS}`);
}

const HELP = `
Of a text the first 64 MiB are looked at, after decompression. Nothing leaves this machine.
Exit code: 0 when the manifest is written; 1 when the sample can not be read as one; 2 for a sample that is not there, a
manifest that is there already, and wrong options.`;
