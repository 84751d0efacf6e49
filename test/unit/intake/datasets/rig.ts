import { onTestFinished } from 'vitest';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { DatasetExecution } from '../../../../src/client/index.js';
import { loadConfig } from '../../../../src/config/index.js';
import type { RunRow } from '../../../../src/datasets/index.js';
import type { DatasetRunRequest } from '../../../../src/domain/index.js';
import { createDatasetsApi } from '../../../../src/intake/datasets/api.js';
import type { DatasetRecords, DatasetSummary } from '../../../../src/intake/datasets/records.js';
import type { DatasetRuns } from '../../../../src/intake/datasets/temporal.js';
import { createHttpServer } from '../../../../src/service/index.js';
import { createMetrics } from '../../../../src/telemetry/index.js';
import { WarehouseError } from '../../../../src/warehouse/index.js';
import { capturedLogger } from '../capturedLogger.js';

export const COUNTS = { read: 10, loaded: 7, quarantined: 2, duplicates: 1 };

/** What a client of Temporal throws when nobody answers. */
export function temporalAway(): Error {
  return Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'away', metadata: {} });
}

/** Temporal in memory: one run for each key, as the ids of workflows have it. */
export class MemoryRuns implements DatasetRuns {
  readonly started: { request: DatasetRunRequest; key: string | undefined }[] = [];
  readonly executions = new Map<string, DatasetExecution>();
  readonly #hashes = new Map<string, string>();
  readonly #waits = new Map<string, Set<() => void>>();
  /** In place of an answer. */
  failure: Error | undefined;
  /** Nobody answers. */
  hangs = false;
  finds = 0;

  async start(...[request, key, requestHash]: Parameters<DatasetRuns['start']>): ReturnType<DatasetRuns['start']> {
    await this.#answer();
    const workflowId = `dataset/${request.dataset}/api/${key ?? `new-${this.started.length}`}`;
    const known = this.#hashes.get(workflowId);
    if (known !== undefined) return { workflowId, isNew: false, requestHash: known };
    this.started.push({ request, key });
    this.#hashes.set(workflowId, requestHash);
    this.run(workflowId, {});
    return { workflowId, isNew: true, requestHash };
  }

  async find(workflowId: string): Promise<DatasetExecution | undefined> {
    this.finds += 1;
    await this.#answer();
    return this.executions.get(workflowId);
  }

  untilEnd(...[workflowId, { deadlineMs, signal }]: Parameters<DatasetRuns['untilEnd']>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(), Math.max(0, deadlineMs - Date.now()));
      const end = (): void => {
        clearTimeout(timer);
        this.#waits.get(workflowId)?.delete(end);
        resolve();
      };
      const waits = this.#waits.get(workflowId) ?? new Set();
      this.#waits.set(workflowId, waits.add(end));
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Those who wait for the end of a run. */
  waiting(workflowId: string): number {
    return this.#waits.get(workflowId)?.size ?? 0;
  }

  /** There is a run, and this is how it stands. One that has ended lets go who waits for it. */
  run(workflowId: string, state: Partial<DatasetExecution>): void {
    const running: DatasetExecution = {
      ...{ workflowId, runId: 'run-1', status: 'running', step: 'staging', counts: COUNTS },
      ...{ warnings: undefined, failure: undefined, startedAt: new Date('2026-01-01T00:00:00Z'), endedAt: undefined },
    };
    this.executions.set(workflowId, { ...running, ...state });
    if (state.status === undefined || state.status === 'running') return;
    for (const end of this.#waits.get(workflowId) ?? []) end();
  }

  async #answer(): Promise<void> {
    if (this.hangs) await new Promise<never>(() => undefined);
    if (this.failure) throw this.failure;
  }
}

/** ClickHouse in memory. */
export class MemoryRecords implements DatasetRecords {
  datasets: DatasetSummary[] = ['customers', 'orders', 'returns'].map((name) => ({
    ...{ name, description: `All ${name}`, lastRun: undefined, freshAt: undefined },
  }));
  runs: RunRow[] = [];
  isAway = false;
  hangs = false;

  exists(dataset: string): Promise<boolean> {
    return this.#answer(() => this.datasets.some(({ name }) => name === dataset));
  }

  findRun(workflowId: string): Promise<RunRow | undefined> {
    return this.#answer(() => this.runs.find(({ workflow_id }) => workflow_id === workflowId));
  }

  listRuns(dataset: string, limit: number): Promise<RunRow[]> {
    return this.#answer(() => this.runs.filter((run) => run.dataset === dataset).slice(0, limit));
  }

  listDatasets({ names, after, limit }: Parameters<DatasetRecords['listDatasets']>[0]): Promise<DatasetSummary[]> {
    const isAsked = (name: string): boolean => name > after && (names?.includes(name) ?? true);
    return this.#answer(() => this.datasets.filter(({ name }) => isAsked(name)).slice(0, limit));
  }

  async #answer<T>(answer: () => T): Promise<T> {
    if (this.hangs) await new Promise<never>(() => undefined);
    if (this.isAway) throw new WarehouseError('unavailable', undefined, 'connect ECONNREFUSED');
    return answer();
  }
}

/** The record of a run that was published. */
export function record(row: Partial<RunRow>): RunRow {
  return {
    ...{ dataset: 'orders', number: '1', run: 'run-1', workflow_id: 'dataset/orders/api/a', trigger: 'api' },
    ...{ status: 'published', logical_date: '2026-01-01T00:00:00.000Z', started_at: '2026-01-01T00:00:01.000Z' },
    ...{ ended_at: '2026-01-01T00:01:00.000Z', inputs: 1, bytes: 2, ...COUNTS, since: '', until: '' },
    ...{ warnings: ['late: 3 rows'], failure: '', manifest_hash: 'h' },
    ...row,
  };
}

export interface Rig {
  http: FastifyInstance;
  runs: MemoryRuns;
  records: MemoryRecords;
  lines: Record<string, unknown>[];
  stop: () => Promise<void>;
  /** `POST /v1/datasets/orders/runs`; a body that is no text is sent as JSON. */
  start: (body?: unknown, headers?: Record<string, string>, dataset?: string) => Promise<LightMyRequestResponse>;
  get: (url: string, headers?: Record<string, string>) => Promise<LightMyRequestResponse>;
  inject: (request: InjectOptions) => Promise<LightMyRequestResponse>;
  count: (outcome: string) => Promise<number>;
}

/** The API on servers in memory. */
export async function startApi(environment: Record<string, string> = {}): Promise<Rig> {
  const runs = new MemoryRuns();
  const records = new MemoryRecords();
  const { log, lines } = capturedLogger();
  const metrics = createMetrics('intake');
  const http = createHttpServer({ metrics, waits: new Map(), maxBodyBytes: 1_048_576, maxConnections: 1_000 });
  const api = createDatasetsApi(
    { config: loadConfig(environment), log, metrics, http },
    { runs, records: () => Promise.resolve(records), close: () => Promise.resolve() },
  );
  await http.ready();
  onTestFinished(() => http.close());
  const inject = (request: InjectOptions): Promise<LightMyRequestResponse> => http.inject(request);
  return {
    ...{ http, runs, records, lines, inject },
    stop: api.stop,
    start: (body, headers = {}, dataset = 'orders') =>
      inject({
        ...{ method: 'POST', url: `/v1/datasets/${dataset}/runs` },
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    get: (url, headers = {}) => inject({ url, headers }),
    count: async (outcome) => {
      const found = await metrics.registry.getSingleMetric('penstock_datasets_api_requests_total')?.get();
      return found?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
    },
  };
}
