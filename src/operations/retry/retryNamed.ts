import { faultOf, lastRunOf, startAgain, type TemporalClient } from '../../client/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { FAILED } from './select.js';
import { withTries } from './withTries.js';

type Client = TemporalClient['client'];

const WIDTH = 8;

/** What became of one batch that was to be started again. */
export interface NamedRetry {
  workflowId: string;
  /** `skipped`: it runs, or has ended well; `error`: Temporal keeps it no more, or refused its start. */
  outcome: 'started' | 'skipped' | 'error';
  /** Why it was not started. */
  problem: string | null;
}

/** Starts batches again, and does not wait for their ends. Twice is harmless. Throws where Temporal is away. */
export async function retryNamed(client: Client, workflowIds: readonly string[]): Promise<NamedRetry[]> {
  const ids = [...new Set(workflowIds)];
  const outcomes = new Map<string, NamedRetry>();
  const left = ids.values();
  const lane = async (): Promise<void> => {
    for (const id of left) outcomes.set(id, await retryOne(client, id));
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, ids.length) }, lane));
  return ids.flatMap((id) => outcomes.get(id) ?? []);
}

async function retryOne(client: Client, workflowId: string): Promise<NamedRetry> {
  try {
    const run = await withTries(() => lastRunOf(client, workflowId));
    if (run === undefined) return { workflowId, outcome: 'error', problem: 'Temporal keeps no such batch' };
    if (![...FAILED, 'CANCELLED'].includes(run.status))
      return { workflowId, outcome: 'skipped', problem: `it is ${run.status.toLowerCase()}` };
    const started = await withTries(() => startAgain(client, run));
    return started === 'started'
      ? { workflowId, outcome: 'started', problem: null }
      : { workflowId, outcome: 'skipped', problem: 'somebody else has started it' };
  } catch (error) {
    if (faultOf(error) === 'away') throw error;
    return { workflowId, outcome: 'error', problem: reasonOf(error) };
  }
}
