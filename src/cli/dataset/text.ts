import type { QuarantineCount, QuarantineRow, RunRow } from '../../datasets/index.js';
import { plain } from '../plain.js';
import { createTable } from '../table.js';
import type { RunReport } from './report.js';

const DETAIL_SHOWN = 100;

/** The end of a run, for a person. */
export function runText({ workflowId, status, failure, run }: RunReport): string {
  if (status === 'started') return `Started: workflow ${workflowId}\n`;
  const lines = [
    status === 'done' ? endOf(run) : status === 'cancelled' ? 'Cancelled; nothing of it is visible.' : 'Failed:',
  ];
  if (failure !== null) lines.push(`  ${plain(failure)}`);
  if (run !== null) {
    lines.push(`read ${run.read} = loaded ${run.loaded} + set aside ${run.quarantined} + duplicates ${run.duplicates}`);
    lines.push(...run.warnings.map((warning) => `warning: ${plain(warning)}`));
    if (run.quarantined > 0) lines.push(`What was set aside: penstock dataset quarantine ${run.dataset}`);
  }
  return `${lines.join('\n')}\n`;
}

function endOf(run: RunRow | null): string {
  if (run === null) return 'Done.';
  return run.status === 'unchanged' ? 'Nothing new to read.' : `Published: ${run.loaded} rows landed.`;
}

/** Runs as a table, for a person. */
export function runsText(runs: readonly RunRow[]): string {
  if (runs.length === 0) return 'No run.\n';
  const table = createTable(['dataset', 'for', 'status', 'read', 'loaded', 'set aside', 'duplicates', 'took', 'run']);
  for (const row of runs)
    table.push([
      ...[row.dataset, minute(row.logical_date), row.status],
      ...[row.read, row.loaded, row.quarantined, row.duplicates].map(String),
      ...[tookOf(row), row.run],
    ]);
  const failures = runs.filter(({ failure }) => failure !== '');
  const why = failures.map(({ run, failure }) => `${run}: ${plain(shortened(failure))}`);
  return `${[table.toString(), ...why].join('\n')}\n`;
}

/** What was set aside, for a person: reasons first, then rows. */
export function quarantineText(counts: readonly QuarantineCount[], rows: readonly QuarantineRow[]): string {
  if (counts.length === 0) return 'No row was set aside.\n';
  const reasons = createTable(['rows', 'reason', 'of', 'for example']);
  for (const { reason, subject, rows: count, example } of counts)
    reasons.push([String(count), reason, plain(subject), plain(shortened(example))]);
  const table = createTable(['where', 'reason', 'why']);
  for (const { source, line, reason, detail } of rows)
    table.push([`${plain(source)}:${line}`, reason, plain(shortened(detail))]);
  return `${reasons.toString()}\n${table.toString()}\n`;
}

function minute(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}

function tookOf({ started_at: from, ended_at: to }: RunRow): string {
  return to === null ? '' : `${((Date.parse(to) - Date.parse(from)) / 1_000).toFixed(1)} s`;
}

const shortened = (text: string): string =>
  text.length > DETAIL_SHOWN ? `${text.slice(0, DETAIL_SHOWN).toWellFormed()}…` : text;
