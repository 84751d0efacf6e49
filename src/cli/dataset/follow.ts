import { setTimeout as sleep } from 'node:timers/promises';
import { datasetEnd, datasetProgress, type TemporalClient } from '../../client/index.js';
import type { DatasetProgress } from '../../domain/index.js';
import { findRun } from '../../datasets/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { showProgress } from '../progress.js';
import { EXIT } from '../verb.js';
import type { FollowFlags } from './flags.js';
import type { RunReport } from './report.js';
import { runText } from './text.js';

const ASK_EVERY_MS = 500;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/** Shows a run to its end, prints its record, and returns the exit code. With --no-wait only says that it was started. */
export async function follow(
  { client, warehouse }: { client: TemporalClient['client']; warehouse: Warehouse },
  { workflowId, isNew }: { workflowId: string; isNew: boolean },
  flags: FollowFlags,
): Promise<number> {
  if (!flags.wait) return tell({ workflowId, status: 'started', failure: null, run: null }, flags, EXIT.ok);
  if (!flags.json) process.stdout.write(`${isNew ? 'Started' : 'It was started before'}: workflow ${workflowId}\n`);
  const handle = client.workflow.getHandle(workflowId);
  const stop = new AbortController();
  let line = 'starting';
  const asking = (async () => {
    while (!stop.signal.aborted) {
      const progress = await datasetProgress(client, handle);
      if (progress) line = progressText(progress);
      await sleep(ASK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const shown = flags.json ? undefined : showProgress({ out: process.stdout, line: () => line });
  const interrupted = new Promise<undefined>((resolve) => process.once('SIGINT', () => resolve(undefined)));
  try {
    const end = await Promise.race([datasetEnd(handle), interrupted]);
    stop.abort();
    await asking;
    shown?.stop();
    if (end === undefined) {
      process.stderr.write('No longer watched; the run goes on.\n');
      return INTERRUPTED;
    }
    const run = (await findRun(warehouse, { workflowId })) ?? null;
    const failure = end.kind === 'failed' ? end.message : null;
    return tell({ workflowId, status: end.kind, failure, run }, flags, end.kind === 'done' ? EXIT.ok : EXIT.failed);
  } finally {
    stop.abort();
    shown?.stop();
  }
}

function tell(report: RunReport, { json }: FollowFlags, code: number): number {
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : runText(report));
  return code;
}

function progressText({ step, shares, sharesDone, counts }: DatasetProgress): string {
  const { read, quarantined, duplicates, loaded } = counts;
  const done = shares > 1 ? `, ${sharesDone} of ${shares} shares` : '';
  return `${step}${done}: ${read} read, ${quarantined} set aside, ${duplicates} duplicates, ${loaded} loaded`;
}
