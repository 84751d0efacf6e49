import {
  findDatasetRun,
  startDatasetRun,
  untilDatasetEnd,
  type DatasetExecution,
  type TemporalClient,
} from '../../client/index.js';
import type { DatasetRunRequest } from '../../domain/index.js';
import type { Logger } from '../../telemetry/index.js';
import { Refusal } from '../refusal.js';
import { untilConnected } from '../untilConnected.js';

/** What the API asks of Temporal. Each throws Refusal while there is no connection, and what the client throws. */
export interface DatasetRuns {
  /** `requestHash` of the answer: what the first who used the key asked for; undefined where nobody noted it. */
  start(
    request: DatasetRunRequest,
    key: string | undefined,
    requestHash: string,
  ): Promise<{ workflowId: string; isNew: boolean; requestHash: string | undefined }>;
  /** Undefined where Temporal has no such run, or none any more. */
  find(workflowId: string): Promise<DatasetExecution | undefined>;
  /** Ends with the run, at `deadlineMs` (milliseconds since the epoch), or with `signal`. */
  untilEnd(workflowId: string, bounds: { deadlineMs: number; signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** With the 5 s for an orchestrator that does not answer it stays below the bound on an answer. */
const FIND_MS = 4_000;

/** Connects in the background, for as long as it takes. */
export function connectDatasetRuns(log: Logger): DatasetRuns {
  const closing = new AbortController();
  const { signal } = closing;
  let temporal: TemporalClient | undefined;
  void untilConnected(log, { signal, whileAway: 'Temporal is away: no dataset is run by the API' }).then(
    (connected) => (temporal = connected),
    (err: unknown) => {
      if (!signal.aborted) log.error({ err }, 'the API of datasets has no connection to Temporal');
    },
  );
  const client = (): TemporalClient['client'] => {
    if (temporal === undefined) throw new Refusal('unavailable', 'Temporal is away', { retryAfterS: 5 });
    return temporal.client;
  };
  return {
    start: async (request, key, requestHash) => {
      const { workflowId, isNew, memo } = await startDatasetRun(client(), request, key, { requestHash });
      const noted = memo?.['requestHash'];
      return { workflowId, isNew, requestHash: typeof noted === 'string' ? noted : undefined };
    },
    find: async (workflowId) => findDatasetRun(client(), workflowId, Date.now() + FIND_MS),
    untilEnd: async (workflowId, bounds) => untilDatasetEnd(client(), workflowId, bounds),
    close: async () => {
      closing.abort();
      // A connection that is not there yet is closed when it comes.
      await temporal?.connection.close();
    },
  };
}
