import { setTimeout as sleep } from 'node:timers/promises';
import {
  backfillEnd,
  backfillProgress,
  cancelBackfill,
  connectTemporal,
  setBackfillPace,
  startBackfill,
  type BackfillEnd,
  type TemporalClient,
} from '../../client/index.js';
import { DEFAULT_PACE, type BackfillProgress } from '../../domain/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { RecentRate, showProgress } from '../progress.js';
import { EXIT, VerbError } from '../verb.js';
import type { BackfillFlags } from './index.js';
import { readRequest, type BackfillRequest } from './options.js';
import { backfillReport, progressText, reportText } from './report.js';

type Client = TemporalClient['client'];
type Handle = Parameters<typeof backfillEnd>[0];

const ASK_EVERY_MS = 1_000;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/** Starts, attaches to, or cancels a backfill; shows its progress to its end and returns the exit code. */
export async function backfill(url: string, flags: BackfillFlags): Promise<number> {
  const request = readRequest(url, flags, Date.now());
  await findStack(flags.dataDir);
  const { client } = await reached(connectTemporal());
  return flags.cancel ? cancel(client, request, flags) : reached(run(client, url, request, flags));
}

async function run(
  client: Client,
  url: string,
  { workflowId, options, pace }: BackfillRequest,
  flags: BackfillFlags,
): Promise<number> {
  const input = { ...options, pace: { ...DEFAULT_PACE, ...pace } };
  const { handle, isAttached } = await startBackfill(client, workflowId, input);
  if (isAttached && Object.keys(pace).length > 0) await setBackfillPace(client, handle, pace);
  if (!flags.json) {
    const how = isAttached ? 'runs already; this shows it' : 'started';
    process.stdout.write(`Backfill of ${url} ${how}. Workflow ${workflowId}\n`);
  }
  const watched = await watch(client, handle, options.dryRun, flags);
  if (watched.end === undefined) {
    process.stderr.write(
      `No longer watched; the backfill goes on. The same command shows it again; with --cancel it stops.\n`,
    );
    return INTERRUPTED;
  }
  return conclude(watched.end, watched.progress, { workflowId, dryRun: options.dryRun }, flags);
}

async function cancel(client: Client, { workflowId, options }: BackfillRequest, flags: BackfillFlags): Promise<number> {
  const handle = client.workflow.getHandle(workflowId);
  const about = { workflowId, dryRun: options.dryRun };
  if (!(await reached(cancelBackfill(client, handle))))
    return conclude({ status: 'not_running' }, undefined, about, flags);
  const { end, progress } = await watch(client, handle, options.dryRun, flags);
  conclude(end ?? { status: 'cancelled' }, progress, about, flags);
  return EXIT.ok;
}

/** Shows progress until the end, or until Ctrl-C: then without an end. */
async function watch(
  client: Client,
  handle: Handle,
  dryRun: boolean,
  { json }: BackfillFlags,
): Promise<{ end: BackfillEnd | undefined; progress: BackfillProgress | undefined }> {
  const stop = new AbortController();
  const interrupted = new Promise<undefined>((resolve) => process.once('SIGINT', () => resolve(undefined)));
  const rate = new RecentRate();
  let progress: BackfillProgress | undefined;
  let line = 'starting';
  const ask = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      progress = await backfillProgress(client, handle);
      if (progress) rate.add(performance.now(), progress.counts.listed);
      line = progressText(progress, dryRun, rate.perSecond());
      await sleep(ASK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const asking = ask();
  const shown = json ? undefined : showProgress({ out: process.stdout, line: () => line });
  try {
    const end = await Promise.race([backfillEnd(handle), interrupted]);
    stop.abort();
    await asking;
    const last = end === undefined ? undefined : await backfillProgress(client, handle);
    if (last) line = progressText(last, dryRun, rate.perSecond());
    return { end, progress: last ?? progress };
  } finally {
    stop.abort();
    shown?.stop();
  }
}

function conclude(
  end: Parameters<typeof backfillReport>[0],
  progress: BackfillProgress | undefined,
  about: { workflowId: string; dryRun: boolean },
  { json }: BackfillFlags,
): number {
  const report = backfillReport(end, progress, about);
  process.stdout.write(`${json ? JSON.stringify(report) : reportText(report)}\n`);
  return report.status === 'done' ? EXIT.ok : EXIT.failed;
}

/** A server that is away is one sentence. */
async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof VerbError ? error : new VerbError(`Temporal: ${reasonOf(error)}`);
  }
}
