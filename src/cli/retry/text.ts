import { retryReport, type Retried, type RetryReport } from '../../operations/index.js';
import { createTable } from '../table.js';

/** Rows of the table; --json has more. */
const SHOWN = 50;

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

function countsOf(dead: Record<string, number>): string {
  return Object.entries(dead)
    .map(([reason, images]) => `${images} ${reason}`)
    .join(', ');
}
