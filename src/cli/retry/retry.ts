import { connectTemporal } from '../../client/index.js';
import { OperationError, retryReport, selectBatches, startAll } from '../../operations/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { showProgress } from '../progress.js';
import { EXIT, VerbError } from '../verb.js';
import type { RetryFlags } from './index.js';
import { readRequest } from './options.js';
import { progressText, reportText } from './text.js';

/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/** Starts failed batches again, waits for their ends and returns the exit code. */
export async function retry(flags: RetryFlags): Promise<number> {
  const request = readRequest(flags, Date.now());
  await findStack(flags.dataDir);
  const { client } = await reached(connectTemporal());
  let line = 'asking which have failed';
  const shown = flags.json || flags.dryRun ? undefined : showProgress({ out: process.stderr, line: () => line });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  const { all, more } = await reached(selectBatches(client, request.selector));
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

/** A server that is away is one sentence. */
async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof OperationError ? error : new VerbError(`Temporal: ${reasonOf(error)}`);
  }
}
