import type { LastRun } from '../../client/index.js';
import { createTable } from '../table.js';

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
/** Rows of the table; --json has more. */
const SHOWN = 50;

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

/** The report for a person: a table, and a sentence. */
export function reportText(report: RetryReport): string {
  const { batches, selected, errors, dryRun, interrupted, more } = report;
  if (selected === 0) return 'No such batch has failed.';
  const rows = batches
    .slice(0, SHOWN)
    .map((batch) => [
      dryRun ? batch.status.toLowerCase().replace('_', ' ') : batch.outcome,
      batch.closedAt?.slice(0, 19).replace('T', ' ') ?? '',
      batch.model,
      String(batch.images),
      batch.dead === null ? 'unknown' : countsOf(batch.dead),
      batch.workflowId,
    ]);
  const table = createTable([dryRun ? 'ended' : 'now', 'at (UTC)', 'model', 'images', 'dead', 'batch']);
  table.push(...rows);
  return [
    table.toString(),
    ...(selected > rows.length ? [`… ${selected - rows.length} more`] : []),
    ...batches
      .flatMap(({ workflowId, problem }) => (problem === null ? [] : [`${workflowId}: ${problem}`]))
      .slice(0, SHOWN),
    '',
    dryRun ? `${selected - errors} would be started; this was a dry run.` : sentenceOf(report),
    ...(dryRun && errors > 0 ? [unreadOf(errors)] : []),
    ...(interrupted ? ['Interrupted: nothing more is started, and what was goes on.'] : []),
    ...(more ? ['There are more: call it again.'] : []),
  ].join('\n');
}

/** `3 of 10 started · 2 done · 1 failed again` */
export function progressText(all: readonly Retried[]): string {
  return sentenceOf(retryReport(all, { dryRun: false, interrupted: false, more: false }));
}

function sentenceOf({ selected, running, done, failed, skipped, errors }: Omit<RetryReport, 'batches'>): string {
  return [
    `${running + done + failed} of ${selected} started`,
    ...(running > 0 ? [`${running} running`] : []),
    `${done} done`,
    ...(failed > 0 ? [`${failed} failed again`] : []),
    ...(skipped > 0 ? [`${skipped} left to others`] : []),
    ...(errors > 0 ? [unreadOf(errors)] : []),
  ].join(' · ');
}

const unreadOf = (errors: number): string => `${errors} could not be read or started`;

function count(all: readonly Retried[], outcome: Outcome): number {
  return all.filter((one) => one.outcome === outcome).length;
}

function countsOf(dead: Record<string, number>): string {
  return Object.entries(dead)
    .map(([reason, images]) => `${images} ${reason}`)
    .join(', ');
}
