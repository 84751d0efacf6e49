import type { LastRun } from '../../client/index.js';

/**
 * `selected`: would be started, or has not been yet. `running`: started, and not waited for any more. `skipped`: somebody
 * else had started it, or it has ended well.
 */
export type Outcome = 'selected' | 'running' | 'done' | 'failed' | 'skipped';

/** A batch that was selected, and what became of it. */
export interface Retried {
  run: LastRun;
  outcome: Outcome;
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
    ...{ failed: count(all, 'failed'), skipped: count(all, 'skipped') },
    batches: all.slice(0, LISTED).map(({ run, outcome }) => {
      const { workflowId, runId, status, closedAt, model, images, dead } = run;
      return { workflowId, runId, status, closedAt: closedAt?.toISOString() ?? null, model, images, dead, outcome };
    }),
  };
}

/** The report for a person: a table, and a sentence. */
export function reportText(report: RetryReport): string {
  const { batches, selected, dryRun, interrupted, more } = report;
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
  const titles = [dryRun ? 'ended' : 'now', 'at (UTC)', 'model', 'images', 'dead', 'batch'];
  return [
    ...table([titles, ...rows]),
    ...(selected > rows.length ? [`… ${selected - rows.length} more`] : []),
    '',
    dryRun ? `${selected} would be started; this was a dry run.` : sentenceOf(report),
    ...(interrupted ? ['Interrupted: nothing more is started, and what was goes on.'] : []),
    ...(more ? ['There are more: call it again.'] : []),
  ].join('\n');
}

/** `3 of 10 started · 2 done · 1 failed again` */
export function progressText(all: readonly Retried[]): string {
  return sentenceOf(retryReport(all, { dryRun: false, interrupted: false, more: false }));
}

function sentenceOf({ selected, running, done, failed, skipped }: Omit<RetryReport, 'batches'>): string {
  return [
    `${running + done + failed} of ${selected} started`,
    ...(running > 0 ? [`${running} running`] : []),
    `${done} done`,
    ...(failed > 0 ? [`${failed} failed again`] : []),
    ...(skipped > 0 ? [`${skipped} left to others`] : []),
  ].join(' · ');
}

function count(all: readonly Retried[], outcome: Outcome): number {
  return all.filter((one) => one.outcome === outcome).length;
}

function countsOf(dead: Record<string, number>): string {
  return Object.entries(dead)
    .map(([reason, images]) => `${images} ${reason}`)
    .join(', ');
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
