import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { FIRST_START, ORCHESTRATION_QUEUE, type BatchMemo, type DetectBatchInput } from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;

/** Most bucket names in the search attribute: the server refuses values over 2,048 bytes. */
const BUCKETS_IN_SEARCH_ATTRIBUTE = 20;

export interface BatchToStart {
  workflowId: string;
  input: DetectBatchInput;
  memo: BatchMemo;
}

export type StartOutcome =
  | { kind: 'started' }
  /** An execution of that id exists; its memo says which records it stands for. */
  | { kind: 'exists'; memo: BatchMemo | undefined }
  /** The server refuses the request for what it holds: make it smaller. */
  | { kind: 'refused'; message: string };

/** Starts `detectBatch` executions. A start that resolves is durable. */
export class BatchStarter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Throws when the outcome is unknown (server away): start again with the same id, which can't start it twice. */
  async start({ workflowId, input, memo }: BatchToStart): Promise<StartOutcome> {
    try {
      await this.#bounded(() =>
        this.#client.workflow.start('detectBatch', {
          ...startOptions({ workflowId, input, memo: { ...memo, ...FIRST_START } }),
          workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        }),
      );
      return { kind: 'started' };
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return this.#existing(workflowId);
      const refusal = refusalOf(error);
      if (refusal !== undefined) return { kind: 'refused', message: refusal };
      throw error;
    }
  }

  /** Handle for waiting on the end of an execution. */
  handle(workflowId: string): ReturnType<Client['workflow']['getHandle']> {
    return this.#client.workflow.getHandle(workflowId);
  }

  /** Without a deadline the SDK tries for 20 s, and a server that accepts and says nothing holds it for minutes. */
  #bounded<T>(call: () => Promise<T>): Promise<T> {
    return this.#client.withDeadline(Date.now() + CALL_MS, call);
  }

  async #existing(workflowId: string): Promise<StartOutcome> {
    const { memo = {} } = await this.#bounded(() => this.handle(workflowId).describe());
    const { firstOffset, lastOffset, eventsHash } = memo;
    const known = typeof firstOffset === 'string' && typeof lastOffset === 'string' && typeof eventsHash === 'string';
    return { kind: 'exists', memo: known ? { firstOffset, lastOffset, eventsHash } : undefined };
  }
}

/** What every start of a batch has. */
export function startOptions({ workflowId, input, memo }: Omit<BatchToStart, 'memo'> & { memo: object }) {
  return {
    workflowId,
    taskQueue: ORCHESTRATION_QUEUE,
    args: [input],
    memo: { ...memo },
    typedSearchAttributes: new TypedSearchAttributes([
      { key: SEARCH_ATTRIBUTES.bucket, value: input.buckets.slice(0, BUCKETS_IN_SEARCH_ATTRIBUTE) },
      { key: SEARCH_ATTRIBUTES.model, value: input.model },
      { key: SEARCH_ATTRIBUTES.images, value: input.images.length },
    ]),
    staticSummary: `${input.images.length} images, model ${input.model}, lane ${input.lane}`,
  };
}

function refusalOf(error: unknown): string | undefined {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  if (!isGrpcServiceError(cause)) return undefined;
  const code: number = cause.code;
  const isRefused = code === RESOURCE_EXHAUSTED || code === INVALID_ARGUMENT;
  // Attributes that are not registered, a namespace at its limit of calls: a smaller batch would be refused too.
  return isRefused && /larger than|exceeds|too (large|long)|size limit/i.test(cause.details)
    ? cause.details
    : undefined;
}
