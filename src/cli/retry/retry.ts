import {
  connectTemporal,
  failedBatches,
  faultOf,
  lastRunOf,
  type LastRun,
  type TemporalClient,
} from '../../client/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { showProgress } from '../progress.js';
import { EXIT, VerbError } from '../verb.js';
import type { RetryFlags } from './index.js';
import { readRequest, type Selector } from './options.js';
import { progressText, reportText, retryReport, type Retried } from './report.js';
import { startAll } from './startAll.js';
import { withTries } from './withTries.js';

type Client = TemporalClient['client'];

/** Most batches of one call, and how many are asked at once. */
const MOST = 10_000;
const WIDTH = 8;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;
/** How a batch ends that nobody wanted to end so. One that was cancelled is started again only by its id. */
const FAILED = ['FAILED', 'TIMED_OUT', 'TERMINATED'];

/** Starts failed batches again, waits for their ends and returns the exit code. */
export async function retry(flags: RetryFlags): Promise<number> {
  const request = readRequest(flags, Date.now());
  await findStack(flags.dataDir);
  const { client } = await reached(connectTemporal());
  let line = 'asking which have failed';
  const shown = flags.json || flags.dryRun ? undefined : showProgress({ out: process.stderr, line: () => line });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  const { all, more } = await reached(select(client, request.selector));
  if (!flags.dryRun)
    try {
      await reached(startAll(client, all, request, stop.signal, () => (line = progressText(all))));
    } finally {
      shown?.stop();
    }
  const interrupted = stop.signal.aborted;
  const report = retryReport(all, { dryRun: flags.dryRun ?? false, interrupted, more });
  process.stdout.write(`${flags.json ? JSON.stringify(report, undefined, 2) : reportText(report)}\n`);
  if (interrupted) return INTERRUPTED;
  return report.failed + report.errors > 0 ? EXIT.failed : EXIT.ok;
}

/** The last runs of the batches that are meant, as far as they have failed, and those that can't be read. */
export async function select(client: Client, selector: Selector): Promise<{ all: Retried[]; more: boolean }> {
  if (selector.by === 'batch')
    return { all: [{ run: await named(client, selector.workflowId), outcome: 'selected' }], more: false };
  const { ids, isAll } = await failedBatches(
    client,
    {
      ...(selector.by === 'since' ? { closedSince: selector.closedSince } : {}),
      ...(selector.by === 'model' ? { model: selector.model } : {}),
    },
    MOST,
  );
  const last = new Map<string, Retried | undefined>();
  const left = ids.values();
  const asking = Array.from({ length: WIDTH }, async () => {
    for (const id of left) last.set(id, await read(client, id));
  });
  await Promise.all(asking);
  const failed = ids.flatMap((id) => last.get(id) ?? []);
  const isMeant = ({ run, outcome }: Retried): boolean =>
    outcome === 'error' || selector.by !== 'reason' || (run.dead?.[selector.reason] ?? 0) > 0;
  return { all: failed.filter(isMeant), more: !isAll };
}

/** Undefined where it has not failed, after all. */
async function read(client: Client, workflowId: string): Promise<Retried | undefined> {
  try {
    const run = await withTries(() => lastRunOf(client, workflowId));
    return run && FAILED.includes(run.status) ? { run, outcome: 'selected' } : undefined;
  } catch (error) {
    if (faultOf(error) === 'away') throw error;
    const nothing = { runId: '', status: 'UNKNOWN', closedAt: null, model: '', images: 0, dead: null, memo: {} };
    return { run: { workflowId, ...nothing }, outcome: 'error', problem: reasonOf(error) };
  }
}

async function named(client: Client, workflowId: string): Promise<LastRun> {
  const run = await lastRunOf(client, workflowId);
  if (run === undefined) throw new VerbError(`Temporal keeps no batch ${workflowId}`);
  if (![...FAILED, 'CANCELLED'].includes(run.status))
    throw new VerbError(`${workflowId} is ${run.status.toLowerCase()}: there is nothing to retry`);
  return run;
}

/** A server that is away is one sentence. */
async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof VerbError ? error : new VerbError(`Temporal: ${reasonOf(error)}`);
  }
}
