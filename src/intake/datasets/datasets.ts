import { faultOf } from '../../client/index.js';
import type { RunRow } from '../../datasets/index.js';
import { DATASET_NAME, type DatasetRunRequest } from '../../domain/index.js';
import type { Grant } from '../keys.js';
import { Refusal } from '../refusal.js';
import type { DatasetsAnswer, RunAnswer, RunsAnswer, StartedAnswer } from './contract.js';
import type { DatasetRecords } from './records.js';
import type { StartRequest } from './request.js';
import { datasetOf, isoOf, itemOf, runPathOf, stateOf, stateOfRecord, statusOf } from './state.js';
import type { DatasetRuns } from './temporal.js';
import { ANSWER_MS, within } from './within.js';

/** What every request has. */
export interface Asked {
  /** The datasets that the sender may see and run. */
  datasets: Grant;
  /** Aborts when the sender has gone, or intake ends what is left. */
  signal: AbortSignal;
}

export interface DatasetsOptions {
  runs: DatasetRuns;
  /** Opened with the first question: what stages datasets is loaded with it. */
  records: () => Promise<DatasetRecords>;
}

/** Senders that wait for the end of a run leave room for others. */
const MOST_WAITING = 48;
/** For a record that tells more of a run that Temporal tells enough of. */
const MORE_MS = 3_000;
const AGAIN = { retryAfterS: 5 };

/**
 * Starts runs of datasets and tells of them. Every answer is there within ten seconds, and those that wait for the end of a
 * run so much later. Each method throws Refusal, and WarehouseError and what Temporal's client throws where those are away.
 */
export class Datasets {
  readonly #options: DatasetsOptions;
  readonly #waiting = new Set<AbortController>();
  #isEnding = false;

  constructor(options: DatasetsOptions) {
    this.#options = options;
  }

  /** Starts a run, or tells the one that was started under the same key for the same. */
  async start(dataset: string, { options, hash, key }: StartRequest, asked: Asked): Promise<StartedAnswer> {
    return this.#inTime(asked, async () => {
      await this.#mustExist(dataset, asked);
      const request: DatasetRunRequest = { dataset, trigger: 'api', ...options };
      const {
        workflowId,
        isNew,
        requestHash = hash,
      } = await this.#options.runs.start(request, key, hash).catch((error: unknown) => {
        if (faultOf(error) === 'lasting') throw error;
        throw new Refusal('unavailable', 'Temporal does not answer; whether the run was begun is not known', AGAIN);
      });
      if (requestHash !== hash)
        throw new Refusal('reused', 'this Idempotency-Key was used with another body', { workflowId });
      return { workflowId, run: runPathOf(workflowId), isNew };
    });
  }

  /** How a run stands; when it has ended, or `waitMs` after it was asked. */
  async run(workflowId: string, waitMs: number, asked: Asked): Promise<RunAnswer> {
    const untilMs = Date.now() + waitMs;
    const dataset = datasetOf(workflowId);
    if (dataset === undefined) throw new Refusal('not_found', 'this is no id of a run');
    this.#mustBeGranted(dataset, asked);
    const state = await this.#inTime(asked, () => this.#state(dataset, workflowId, asked));
    if (state.status !== 'running' || Date.now() >= untilMs || this.#isEnding) return state;
    await this.#untilEnd(workflowId, untilMs, asked.signal);
    return this.#inTime(asked, () => this.#state(dataset, workflowId, asked));
  }

  /** From now on nobody waits for the end of a run: those who do are told how it stands. */
  endWaits(): void {
    this.#isEnding = true;
    for (const wait of this.#waiting) wait.abort();
  }

  /** Runs of a dataset by their records, the latest first. */
  async list(dataset: string, limit: number, asked: Asked): Promise<RunsAnswer> {
    return this.#inTime(asked, async () => {
      await this.#mustExist(dataset, asked);
      const records = await this.#options.records();
      return { runs: (await records.listRuns(dataset, limit)).map(itemOf) };
    });
  }

  /** A page of the datasets that the sender may see, by their names. */
  async all(
    { limit, after = '' }: { limit: number; after?: string | undefined },
    asked: Asked,
  ): Promise<DatasetsAnswer> {
    return this.#inTime(asked, async () => {
      const records = await this.#options.records();
      const found = await records.listDatasets({ names: asked.datasets.names, after, limit: limit + 1 });
      const nowMs = Date.now();
      const datasets = found.slice(0, limit).map(({ name, description, lastRun, freshAt }) => ({
        name,
        description: description ?? null,
        lastRun: lastRun === undefined ? null : lastOf(lastRun),
        freshAt: freshAt === undefined ? null : isoOf(freshAt),
        freshnessSeconds: freshAt === undefined ? null : Math.max(0, nowMs - Date.parse(freshAt)) / 1_000,
      }));
      return { datasets, next: found.length > limit ? (datasets.at(-1)?.name ?? null) : null };
    });
  }

  async #mustExist(dataset: string, asked: Asked): Promise<void> {
    const none = new Refusal('not_found', `there is no dataset ${dataset.slice(0, 63)}`);
    if (!DATASET_NAME.test(dataset)) throw none;
    this.#mustBeGranted(dataset, asked);
    const records = await this.#options.records();
    if (!(await records.exists(dataset))) throw none;
  }

  /** Before anybody is asked: the answer would tell what there is. */
  #mustBeGranted(dataset: string, { datasets }: Asked): void {
    if (!datasets.has(dataset)) throw new Refusal('forbidden', `the key is not for the dataset ${dataset}`);
  }

  async #state(dataset: string, workflowId: string, asked: Asked): Promise<RunAnswer> {
    const execution = await this.#options.runs.find(workflowId);
    if (execution === undefined) {
      const record = await (await this.#options.records()).findRun(workflowId);
      if (record === undefined) throw new Refusal('not_found', 'there is no such run');
      return stateOfRecord(record);
    }
    const { status, runId } = execution;
    const isWhole = status === 'running' || execution.counts !== undefined;
    const record = isWhole ? undefined : await this.#recordOf(workflowId, asked);
    // The latest record of a workflow may be of an earlier run, and a run that was terminated never wrote its counts.
    return stateOf(dataset, execution, record?.run === runId && record.status !== 'running' ? record : undefined);
  }

  /** What can be had of it: an answer does not fail for the record alone. */
  async #recordOf(workflowId: string, { signal }: Asked): Promise<RunRow | undefined> {
    const find = async (): Promise<RunRow | undefined> => (await this.#options.records()).findRun(workflowId);
    return within({ limitMs: MORE_MS, signal }, find, { late, gone }).catch(() => undefined);
  }

  async #untilEnd(workflowId: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= MOST_WAITING)
      throw new Refusal('busy', `${MOST_WAITING} requests wait for the end of a run already`, { retryAfterS: 1 });
    const wait = new AbortController();
    const end = (): void => wait.abort();
    signal.addEventListener('abort', end, { once: true });
    this.#waiting.add(wait);
    try {
      await this.#options.runs.untilEnd(workflowId, { deadlineMs, signal: wait.signal });
    } finally {
      this.#waiting.delete(wait);
      signal.removeEventListener('abort', end);
    }
  }

  #inTime<T>({ signal }: Asked, work: () => Promise<T>): Promise<T> {
    return within({ limitMs: ANSWER_MS, signal }, work, { late, gone });
  }
}

function late(): Refusal {
  return new Refusal('unavailable', `Temporal or ClickHouse did not answer within ${ANSWER_MS / 1_000} s`, AGAIN);
}

/** Of those whose request was aborted only intake's own stop leaves somebody to be told. */
function gone(): Refusal {
  return new Refusal('unavailable', 'intake is stopping', AGAIN);
}

function lastOf({
  workflow_id: workflowId,
  status,
  started_at: startedAt,
  ended_at: endedAt,
}: Pick<RunRow, 'workflow_id' | 'status' | 'started_at' | 'ended_at'>) {
  return {
    ...{ workflowId, run: runPathOf(workflowId), status: statusOf(status), startedAt: isoOf(startedAt) },
    endedAt: endedAt === null ? null : isoOf(endedAt),
  };
}
