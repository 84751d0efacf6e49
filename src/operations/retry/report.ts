import type { LastRun } from '../../client/index.js';

/**
 * `selected`: would be started, or has not been yet. `running`: started, and not waited for any more. `skipped`: somebody
 * else had started it, or it has ended well. `error`: Temporal could not read it, or refused its start.
 */
export type Outcome = 'selected' | 'running' | 'done' | 'failed' | 'skipped' | 'error';

/** A batch that was selected, and what became of it. */
export interface Retried {
  run: LastRun;
  outcome: Outcome;
  /** Why it is an `error`. */
  problem?: string;
}

/** What `penstock retry --json` prints. Fields are only added. */
export interface RetryReport {
  dryRun: boolean;
  interrupted: boolean;
  /** Batches that were selected. */
  selected: number;
  /** More than 10,000 have failed: the rest is for the next call. */
  more: boolean;
  running: number;
  done: number;
  failed: number;
  skipped: number;
  /** Batches that could not be read or started. */
  errors: number;
  /** The first 1,000 of them. */
  batches: RetriedBatch[];
}

export interface RetriedBatch {
  workflowId: string;
  /** Run that had failed. */
  runId: string;
  status: string;
  /** ISO 8601. */
  closedAt: string | null;
  model: string;
  images: number;
  /** Dead images by reason code; null where the run did not come to tell them. */
  dead: Record<string, number> | null;
  outcome: Outcome;
  /** Why it could not be read or started. */
  problem: string | null;
}

const LISTED = 1_000;

export function retryReport(
  all: readonly Retried[],
  about: { dryRun: boolean; interrupted: boolean; more: boolean },
): RetryReport {
  const { dryRun, interrupted, more } = about;
  return {
    ...{ dryRun, interrupted, selected: all.length, more },
    ...{ running: count(all, 'running'), done: count(all, 'done') },
    ...{ failed: count(all, 'failed'), skipped: count(all, 'skipped'), errors: count(all, 'error') },
    batches: all.slice(0, LISTED).map(({ run, outcome, problem = null }) => {
      const { workflowId, runId, status, model, images, dead } = run;
      const closedAt = run.closedAt?.toISOString() ?? null;
      return { workflowId, runId, status, closedAt, model, images, dead, outcome, problem };
    }),
  };
}

function count(all: readonly Retried[], outcome: Outcome): number {
  return all.filter((one) => one.outcome === outcome).length;
}
