import type { DatasetPlan, DatasetRun, DatasetRunStatus, EndDatasetInput } from '../../domain/index.js';
import { clickHouseTime } from '../../warehouse/index.js';
import type { DatasetDependencies } from './dependencies.js';

const COLUMNS = [
  ...['dataset', 'number', 'run', 'workflow_id', 'trigger', 'status', 'logical_date', 'started_at', 'ended_at'],
  ...['inputs', 'bytes', 'read', 'loaded', 'quarantined', 'duplicates', 'since', 'until', 'cursor', 'warnings'],
  ...['failure', 'manifest_hash', 'program'],
];
const TIMEOUT_MS = 60_000;
const MOST_WARNINGS = 100;

type RunRecord = Partial<Omit<EndDatasetInput, 'run' | 'status'>> & {
  run: DatasetRun;
  status: DatasetRunStatus;
  plan?: DatasetPlan;
};

/** Writes the record of a run; the one of its end replaces the one of its beginning. */
export async function recordRun(
  { warehouse, program }: Pick<DatasetDependencies, 'warehouse' | 'program'>,
  { run, status, plan, staged, settled, counts, warnings = [], failure = '' }: RunRecord,
): Promise<void> {
  const row = [
    ...[run.dataset, run.number, run.runId, run.workflowId, run.trigger, status],
    ...[clickHouseTime(new Date(run.logicalDate)), clickHouseTime(new Date(run.startedAt))],
    status === 'running' ? null : clickHouseTime(new Date()),
    Math.max(plan?.inputs ?? 0, staged?.inputs ?? 0),
    staged?.bytes ?? plan?.bytes ?? 0,
    ...[counts?.read ?? 0, counts?.loaded ?? 0, counts?.quarantined ?? 0, counts?.duplicates ?? 0],
    ...[plan?.since ?? '', plan?.until ?? '', settled?.cursor ?? ''],
    warnings.slice(0, MOST_WARNINGS).map((warning) => warning.toWellFormed()),
    failure.toWellFormed(),
    ...[plan?.manifestHash ?? '', program],
  ];
  await warehouse.insert({
    table: 'dataset_run_records',
    columns: COLUMNS,
    rows: [JSON.stringify(row)],
    timeoutMs: TIMEOUT_MS,
  });
}
