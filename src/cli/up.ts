import { Command, InvalidArgumentError } from 'commander';
import { StackError, startStack, type Endpoints } from '../embedded/index.js';
import { modelDirOf, openStackLog } from './stackFolders.js';
import { EXIT, runVerb, withMisuseCode } from './verb.js';

interface UpFlags {
  dataDir: string;
  portBase?: number;
  model?: string;
  serversOnly?: boolean;
  json?: boolean;
}

/** `penstock up`: the one-machine stack, until SIGTERM, SIGINT or SIGHUP. */
export function upCommand(): Command {
  return withMisuseCode(new Command('up'))
    .description('starts every server and role on this machine, and keeps them running')
    .requiredOption('--data-dir <folder>', 'keeps everything; the same folder brings everything back')
    .option(
      '--port-base <port>',
      'fixed ports from here on (see docs); default: those of the last run, or free ones',
      port,
    )
    .option('--model <name|folder>', 'a model that comes with Penstock, or a folder with model.yaml')
    .option('--servers-only', 'starts Kafka, Temporal, the storage emulator and ClickHouse, and no role')
    .option('--json', 'prints the endpoints as JSON when ready')
    .action(async (flags: UpFlags) => {
      await runVerb(() => up(flags));
    });
}

async function up(flags: UpFlags): Promise<number> {
  const stopped = new AbortController();
  const stopSignal = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // Asked twice: leave now; the reaper ends the rest.
        if (stopped.signal.aborted && signal === 'SIGINT') process.exit(130);
        stopped.abort(new StackError('Stopped before it was ready.'));
        resolve();
      });
    }
  });
  const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const modelDir = flags.model === undefined ? undefined : await modelDirOf(flags.model);
  const stack = await startStack({
    dataDir: flags.dataDir,
    log: openStackLog(flags.dataDir),
    say,
    signal: stopped.signal,
    ...(flags.portBase === undefined ? {} : { portBase: flags.portBase }),
    ...(modelDir === undefined ? {} : { modelDir }),
    ...(flags.serversOnly ? { roles: [] } : {}),
  });
  const endpoints = stack.endpoints();
  process.stdout.write(flags.json ? `${JSON.stringify(endpoints)}\n` : describe(endpoints));
  await stopSignal;
  if (!flags.json) say('stopping');
  await stack.stop();
  return EXIT.ok;
}

function describe(endpoints: Endpoints): string {
  const rows: [string, string | undefined][] = [
    ['intake', endpoints.intake],
    ['console', endpoints.console],
    ['Temporal UI', endpoints.temporalUi],
    ['Temporal', endpoints.temporal],
    ['Kafka', endpoints.kafka],
    ['storage', `${endpoints.gcs} (bucket ${endpoints.bucket})`],
    ['ClickHouse', endpoints.clickhouse],
  ];
  const lines = rows.flatMap(([name, address]) => (address === undefined ? [] : [`  ${name.padEnd(12)} ${address}`]));
  return `Penstock is up. Ctrl-C stops it.\n${lines.join('\n')}\n`;
}

const HIGHEST_OFFSET = 100;

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1024 || value > 65_535 - HIGHEST_OFFSET)
    throw new InvalidArgumentError(`a port from 1024 to ${65_535 - HIGHEST_OFFSET}`);
  return value;
}
