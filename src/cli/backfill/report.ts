import type { BackfillEnd } from '../../client/index.js';
import type { BackfillCounts, BackfillProgress } from '../../domain/index.js';

/** What `penstock backfill --json` prints. Fields are only added. */
export interface BackfillReport {
  /** `not_running`: asked to cancel what does not run. */
  status: 'done' | 'failed' | 'cancelled' | 'not_running';
  workflowId: string;
  dryRun: boolean;
  /** Null where no orchestrator answers. */
  counts: BackfillCounts | null;
  /** Name of the last object that is done with. */
  position: string | null;
  /** ISO 8601. */
  startedAt: string | null;
  /** Why it failed. */
  message: string | null;
}

export function backfillReport(
  end: BackfillEnd | { status: 'not_running' },
  progress: BackfillProgress | undefined,
  { workflowId, dryRun }: { workflowId: string; dryRun: boolean },
): BackfillReport {
  const result = end.status === 'done' ? end.result : progress;
  return {
    status: end.status,
    workflowId,
    dryRun,
    counts: result?.counts ?? null,
    position: progress?.position ?? null,
    startedAt: result === undefined ? null : new Date(result.startedAtMs).toISOString(),
    message: end.status === 'failed' ? end.message : null,
  };
}

export function reportText({ status, dryRun, counts, message }: BackfillReport): string {
  const sentence = {
    done: dryRun ? 'Done; this was a dry run.' : 'Done.',
    failed: `Failed: ${message ?? ''}`,
    cancelled: 'Cancelled.',
    not_running:
      'No such backfill runs: the bucket, the prefix and the options must be those that it was started with.',
  }[status];
  return counts === null ? sentence : `${sentence}\n${countsText(counts, dryRun)}`;
}

const SKIPPED: readonly (readonly [keyof BackfillCounts, string])[] = [
  ['detected', 'detected already'],
  ['dead', 'dead for good'],
  ['hopeless', 'dead before any work'],
  ['notImage', 'no images'],
  ['older', 'older than asked for'],
  ['unrouted', 'unrouted'],
  ['outOfRetention', 'out of retention'],
  ['refused', 'refused'],
];

/** `1200 listed · 1000 enqueued · 200 detected already` */
export function countsText(counts: BackfillCounts, dryRun: boolean): string {
  const skipped = SKIPPED.filter(([key]) => counts[key] > 0).map(([key, words]) => `${counts[key]} ${words}`);
  return [
    `${counts.listed} listed`,
    `${counts.enqueued} ${dryRun ? 'would be enqueued' : 'enqueued'}`,
    ...skipped,
  ].join(' · ');
}

/** One line about a backfill that runs. */
export function progressText(
  progress: BackfillProgress | undefined,
  dryRun: boolean,
  objectsPerSecond: number,
): string {
  if (progress === undefined) return 'no orchestrator answers; the backfill goes on once one does';
  const { counts, position, state, why } = progress;
  const waits = { full: `behind live traffic: ${why}`, waiting: `waiting: ${why}`, working: '', done: '' }[state];
  return [
    countsText(counts, dryRun),
    ...(waits === '' ? [`${objectsPerSecond.toFixed(1)} objects/s`] : [waits]),
    ...(position === '' ? [] : [`at ${JSON.stringify(position)}`]),
  ].join(' · ');
}
