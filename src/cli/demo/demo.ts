import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StackError, startStack, type Endpoints, type Stack } from '../../embedded/index.js';
import { modelDirOf, openStackLog } from '../stackFolders.js';
import { EXIT, isMisuse, UsageError } from '../verb.js';
import type { DemoFlags } from './index.js';
import { keptHelp } from './keep.js';
import { brokenPictures, folderPictures, scenePictures, type Picture } from './pictures.js';
import { say } from './say.js';
import { resultTable } from './result.js';
import { runPictures } from './run.js';
import { surgeWork } from './surge/index.js';
import { targetOfEnvironment, targetOfStack } from './target.js';
import type { Work } from './work.js';

const DEFAULT_COUNT = 300;
/** Rollups are to agree soon after the last row. */
const ROLLUP_INTERVAL_MS = '3000';

/** Runs the demo and returns its exit code. */
export async function demo(flags: DemoFlags): Promise<number> {
  if (flags.bucket !== undefined && flags.intake === undefined)
    throw new UsageError('--bucket is for --intake: a stack of the demo has a bucket of its own.');
  if (!flags.surge && (flags.cap ?? flags.surgeSeconds) !== undefined)
    throw new UsageError('--cap and --surge-seconds are for --surge.');
  const stop = stopSignal();
  const work = flags.surge ? surgeWork(flags) : picturesWork(flags, await picturesOf(flags));
  return flags.intake === undefined ? onOwnStack(flags, work, stop) : onRunningStack(flags, work, stop);
}

async function onRunningStack(flags: DemoFlags, work: Work, { signal }: StopSignal): Promise<number> {
  try {
    return await work.run(targetOfEnvironment(flags.intake, flags.bucket), {
      reportDir: resolve(flags.report),
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT_INTERRUPTED;
  }
}

async function onOwnStack(flags: DemoFlags, work: Work, stop: StopSignal): Promise<number> {
  const modelDir = flags.model === undefined ? undefined : await modelDirOf(flags.model);
  const dataDir = flags.dataDir ?? (await mkdtemp(join(tmpdir(), 'penstock-demo-')));
  const reportDir = resolve(flags.report);
  let stack: Stack | undefined;
  let code: number = EXIT.failed;
  try {
    stack = await start(dataDir, modelDir, work, stop.signal);
    code = await work.run(targetOfStack(stack, modelDir), { reportDir, signal: stop.signal });
    if (flags.keep) await keep(stack.endpoints(), dataDir, flags, stop.signal);
    return code;
  } catch (error) {
    if (isMisuse(error)) code = EXIT.misuse;
    if (!stop.signal.aborted) throw error;
    code = EXIT_INTERRUPTED;
    return code;
  } finally {
    stop.stopping();
    await stack?.stop();
    if (flags.dataDir === undefined) {
      if (code === EXIT.failed) await keepLogs(dataDir, reportDir);
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

const EXIT_INTERRUPTED = 130;

async function picturesOf(flags: DemoFlags): Promise<Picture[]> {
  const good =
    flags.images === undefined
      ? scenePictures(flags.count ?? DEFAULT_COUNT)
      : await folderPictures(flags.images, flags.count);
  // The broken ones lie among the good, as they would.
  const broken = brokenPictures();
  const step = Math.max(1, Math.floor(good.length / (broken.length + 1)));
  return [
    ...good.flatMap((picture, index) => {
      const next = index % step === step - 1 ? broken.shift() : undefined;
      return next ? [picture, next] : [picture];
    }),
    ...broken,
  ];
}

async function start(
  dataDir: string,
  modelDir: string | undefined,
  { environment }: Work,
  signal: AbortSignal,
): Promise<Stack> {
  const log = openStackLog(dataDir);
  say('Starting Kafka, Temporal, a bucket, ClickHouse and every role on this machine (the first time downloads them).');
  const startedAt = performance.now();
  const stack = await startStack({
    dataDir,
    log,
    say,
    signal,
    environment: {
      PENSTOCK_ROLLUP_INTERVAL_MS: process.env['PENSTOCK_ROLLUP_INTERVAL_MS'] ?? ROLLUP_INTERVAL_MS,
      ...environment,
    },
    ...(modelDir === undefined ? {} : { modelDir }),
  });
  say(`Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  return stack;
}

function picturesWork(flags: DemoFlags, pictures: readonly Picture[]): Work {
  return {
    environment: {},
    run: async (target, context) => {
      const out = flags.json ? {} : { out: process.stdout };
      const result = await runPictures({ target, pictures, ...context, ...out });
      if (flags.json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
      else process.stdout.write(`${resultTable(result)}\nreport: ${result.report ?? 'none'}\n`);
      if (result.stalled !== null) say(result.stalled);
      return result.ok ? EXIT.ok : EXIT.failed;
    },
  };
}

/** Until Ctrl-C. */
async function keep(endpoints: Endpoints, dataDir: string, flags: DemoFlags, signal: AbortSignal): Promise<void> {
  const help = keptHelp(endpoints, dataDir, { removed: flags.dataDir === undefined });
  if (flags.json) process.stderr.write(help);
  else process.stdout.write(help);
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
}

/** What went wrong is in the logs, and the folder they lie in is about to be removed. */
async function keepLogs(dataDir: string, reportDir: string): Promise<void> {
  const kept = join(reportDir, 'logs');
  await cp(join(dataDir, 'logs'), kept, { recursive: true })
    .then(() => say(`The logs of every part are in ${kept}.`))
    .catch(() => undefined);
}

/** Impatience is common, and stopping takes seconds: only the third Ctrl-C leaves the folder to whoever finds it. */
const INTERRUPTS = 3;

interface StopSignal {
  signal: AbortSignal;
  /** From now on a signal is told that the end is under way. */
  stopping: () => void;
}

/** Aborts at Ctrl-C, SIGTERM or SIGHUP. Asked three times, it leaves at once; the reaper of the stack ends the rest. */
function stopSignal(): StopSignal {
  const controller = new AbortController();
  let isStopping = false;
  let interrupts = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (name === 'SIGINT' && ++interrupts === INTERRUPTS) process.exit(EXIT_INTERRUPTED);
      say(isStopping ? 'Still stopping.' : 'Stopping everything.');
      isStopping = true;
      controller.abort(new StackError('Stopped before it was done.'));
    });
  }
  return { signal: controller.signal, stopping: () => (isStopping = true) };
}
