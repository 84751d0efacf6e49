import { setTimeout as sleep } from 'node:timers/promises';
import { followBatch, lastRunOf, startAgain, type TemporalClient } from '../../client/index.js';
import { createPace } from '../pace.js';
import type { RetryRequest } from './options.js';
import type { Retried } from './report.js';

type Client = TemporalClient['client'];

/** A server that blinks is asked again so often, after a second each. */
const TRIES = 5;

/**
 * Starts all, at most so many a second and so many at once, and keeps with each what became of it. Returns at their ends,
 * or when `signal` aborts. Throws where a start fails; what was started goes on.
 */
export async function startAll(
  client: Client,
  all: readonly Retried[],
  { batchesPerSecond, ahead }: Pick<RetryRequest, 'batchesPerSecond' | 'ahead'>,
  signal: AbortSignal,
  onChange: () => void,
): Promise<void> {
  const halt = new AbortController();
  const ended = AbortSignal.any([signal, halt.signal]);
  const left = all.values();
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
  const { workflowId } = one.run;
  const become = (outcome: Retried['outcome']): void => {
    one.outcome = outcome;
    onChange();
  };
  const started = await persist(() => startAgain(client, one.run), signal);
  if (started === 'exists') {
    become('skipped');
    return;
  }
  become('running');
  await followBatch(client.workflow.getHandle(workflowId), signal);
  const last = await persist(() => lastRunOf(client, workflowId), signal);
  become(last?.status === 'COMPLETED' ? 'done' : 'failed');
}

async function persist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (tries >= TRIES) throw error;
    }
    await sleep(1000, undefined, { signal });
  }
}
