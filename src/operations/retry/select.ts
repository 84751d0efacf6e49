import {
  failedBatches,
  faultOf,
  lastRunOf,
  type KnownDead,
  type LastRun,
  type TemporalClient,
} from '../../client/index.js';
import type { ImageReason } from '../../domain/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { OperationError } from '../errors.js';
import type { Retried } from './report.js';
import { withTries } from './withTries.js';

type Client = TemporalClient['client'];

/** Most batches of one call where it does not say so, and how many are asked at once. */
const MOST = 10_000;
const WIDTH = 8;
/** How a batch ends that nobody wanted to end so. One that was cancelled is started again only by its id. */
export const FAILED = ['FAILED', 'TIMED_OUT', 'TERMINATED'];

/** Which batches are meant. */
export type BatchSelector =
  | { by: 'batch'; workflowId: string }
  | { by: 'since'; closedSince: Date }
  | { by: 'reason'; reason: ImageReason }
  | { by: 'model'; model: string }
  | { by: 'all' };

export interface SelectOptions {
  /** Default 10,000. */
  most?: number;
  /** Nothing more is asked once it aborts. */
  signal?: AbortSignal;
  /** What is known of runs from the last time. */
  known?: KnownDead;
}

/**
 * The last runs of the batches that are meant, as far as they have failed, and those that can't be read. Throws
 * OperationError for a named batch that there is no more, or that has not failed, and the reason of a signal that aborts.
 */
export async function selectBatches(
  client: Client,
  selector: BatchSelector,
  { most = MOST, ...asking }: SelectOptions = {},
): Promise<{ all: Retried[]; more: boolean }> {
  if (selector.by === 'batch')
    return { all: [{ run: await named(client, selector.workflowId), outcome: 'selected' }], more: false };
  const { ids, isAll } = await failedBatches(
    client,
    {
      ...(selector.by === 'since' ? { closedSince: selector.closedSince } : {}),
      ...(selector.by === 'model' ? { model: selector.model } : {}),
    },
    most,
  );
  const last = new Map<string, Retried | undefined>();
  const left = ids.values();
  const lanes = Array.from({ length: WIDTH }, async () => {
    for (const id of left) last.set(id, await read(client, id, asking));
  });
  await Promise.all(lanes);
  const failed = ids.flatMap((id) => last.get(id) ?? []);
  const isMeant = ({ run, outcome }: Retried): boolean =>
    outcome === 'error' || selector.by !== 'reason' || (run.dead?.[selector.reason] ?? 0) > 0;
  return { all: failed.filter(isMeant), more: !isAll };
}

/** Undefined where it has not failed, after all. */
async function read(
  client: Client,
  workflowId: string,
  { signal, known }: Omit<SelectOptions, 'most'>,
): Promise<Retried | undefined> {
  try {
    const run = await withTries(() => lastRunOf(client, workflowId, known), signal);
    return run && FAILED.includes(run.status) ? { run, outcome: 'selected' } : undefined;
  } catch (error) {
    if (signal?.aborted || faultOf(error) === 'away') throw error;
    const nothing = { runId: '', status: 'UNKNOWN', closedAt: null, model: '', images: 0, dead: null, memo: {} };
    return { run: { workflowId, ...nothing }, outcome: 'error', problem: reasonOf(error) };
  }
}

async function named(client: Client, workflowId: string): Promise<LastRun> {
  const run = await lastRunOf(client, workflowId);
  if (run === undefined) throw new OperationError(`Temporal keeps no batch ${workflowId}`);
  if (![...FAILED, 'CANCELLED'].includes(run.status))
    throw new OperationError(`${workflowId} is ${run.status.toLowerCase()}: there is nothing to retry`);
  return run;
}
