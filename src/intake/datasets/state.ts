import type { DatasetExecution } from '../../client/index.js';
import type { RunRow } from '../../datasets/index.js';
import { DATASET_NAME } from '../../domain/index.js';
import type { RunAnswer, RunsAnswer } from './contract.js';

const MOST_CHARACTERS = 1_000;

/** The dataset that a workflow id of a run begins with; undefined for what can be none. */
export function datasetOf(workflowId: string): string | undefined {
  const [, dataset = ''] = /^dataset\/([^/-]+)[/-]./s.exec(workflowId.slice(0, MOST_CHARACTERS)) ?? [];
  return workflowId.length <= MOST_CHARACTERS && DATASET_NAME.test(dataset) ? dataset : undefined;
}

/** Path of the state of a run. Slashes stay: proxies disagree about encoded ones. */
export function runPathOf(workflowId: string): string {
  return `/v1/runs/${workflowId.split('/').map(encodeURIComponent).join('/')}`;
}

/** A run by what Temporal knows, and of one that did not end well by its record. */
export function stateOf(dataset: string, execution: DatasetExecution, record: RunRow | undefined): RunAnswer {
  const { workflowId, status, step, counts, failure, startedAt, endedAt, warnings } = execution;
  return {
    ...{ workflowId, run: runPathOf(workflowId), dataset, status },
    step: step ?? null,
    counts: counts ?? (record === undefined ? null : countsOf(record)),
    failure: failure ?? null,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    warnings: warnings ?? record?.warnings ?? [],
  };
}

/** A run that only its record tells of. One that never wrote its end was terminated: Temporal would know it else. */
export function stateOfRecord(record: RunRow): RunAnswer {
  const of = itemOf(record);
  return of.status === 'running' ? { ...of, status: 'terminated', step: 'done' } : of;
}

/** A run of a list, by its record alone. */
export function itemOf(record: RunRow): RunsAnswer['runs'][number] {
  const { dataset, workflow_id: workflowId, failure, warnings, trigger } = record;
  const status = statusOf(record.status);
  return {
    ...{ workflowId, run: runPathOf(workflowId), dataset, status },
    step: status === 'running' ? null : 'done',
    counts: status === 'running' ? null : countsOf(record),
    failure: failure === '' ? null : failure,
    startedAt: isoOf(record.started_at),
    endedAt: record.ended_at === null ? null : isoOf(record.ended_at),
    ...{ warnings, trigger, logicalDate: isoOf(record.logical_date) },
  };
}

/** Throws for what no record holds. */
export function statusOf(status: string): RunAnswer['status'] {
  switch (status) {
    case 'running':
    case 'published':
    case 'unchanged':
    case 'failed':
    case 'cancelled':
      return status;
    default:
      throw new Error(`the record of a run has the status '${status}'`);
  }
}

/** ClickHouse's ISO 8601, whatever the number of its decimals. */
export function isoOf(time: string): string {
  return new Date(time).toISOString();
}

function countsOf({ read, loaded, quarantined, duplicates }: RunRow): NonNullable<RunAnswer['counts']> {
  return { read, loaded, quarantined, duplicates };
}
