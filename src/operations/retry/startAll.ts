import { faultOf, followBatch, lastRunOf, startAgain, type LastRun, type TemporalClient } from '../../client/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { createPace } from '../pace.js';
import type { Retried } from './report.js';
import { withTries } from './withTries.js';

type Client = TemporalClient['client'];

/** Batches that are started a second, and that run at once, at most. */
export interface RetryRate {
  batchesPerSecond: number;
  ahead: number;
}

/**
 * Starts all, at most so many a second and so many at once, and keeps with each what became of it. Returns at their ends,
 * or when `signal` aborts. A batch that can't be read or started says why, and the others go on. Throws where Temporal is
 * away; what was started goes on.
 */
export async function startAll(
  client: Client,
  all: readonly Retried[],
  { batchesPerSecond, ahead }: RetryRate,
  signal: AbortSignal,
  onChange: () => void,
): Promise<void> {
  const halt = new AbortController();
  const ended = AbortSignal.any([signal, halt.signal]);
  const left = all.filter(({ outcome }) => outcome === 'selected').values();
  const turn = createPace(batchesPerSecond, ended);
  const lane = async (): Promise<void> => {
    for (const one of left) {
      await turn();
      await retryOne(client, one, ended, onChange);
    }
  };
  const lanes = Promise.all(
    Array.from({ length: Math.min(ahead, all.length) }, () =>
      lane().catch((error: unknown) => {
        if (ended.aborted) return;
        halt.abort();
        throw error;
      }),
    ),
  );
  // A call on its way has no ear for the signal: what is aborted is not waited for.
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([lanes, aborted]);
}

async function retryOne(client: Client, one: Retried, signal: AbortSignal, onChange: () => void): Promise<void> {
  const become = (outcome: Retried['outcome']): void => {
    one.outcome = outcome;
    onChange();
  };
  try {
    await runAgain(client, one.run, signal, become);
  } catch (error) {
    if (signal.aborted || faultOf(error) === 'away') throw error;
    one.problem = reasonOf(error);
    become('error');
  }
}

async function runAgain(
  client: Client,
  run: LastRun,
  signal: AbortSignal,
  become: (outcome: Retried['outcome']) => void,
): Promise<void> {
  const { workflowId } = run;
  const started = await withTries(() => startAgain(client, run), signal);
  if (started === 'exists') {
    become('skipped');
    return;
  }
  become('running');
  await followBatch(client.workflow.getHandle(workflowId), signal);
  const last = await withTries(() => lastRunOf(client, workflowId), signal);
  become(last?.status === 'COMPLETED' ? 'done' : 'failed');
}
