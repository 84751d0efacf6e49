import { createHash } from 'node:crypto';
import {
  type Client,
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  WorkflowUpdateStage,
} from '@temporalio/client';
import { ApplicationFailure, TypedSearchAttributes } from '@temporalio/common';
import {
  DETECTIONS_UPDATE,
  ORCHESTRATION_QUEUE,
  type DetectedImage,
  type DetectImageInput,
  type ImageRef,
} from '../domain/index.js';
import { SEARCH_ATTRIBUTES } from './batches.js';

/** What somebody who waits for the detection of one image is told. */
export type OneImageOutcome =
  | { kind: 'detected'; image: DetectedImage }
  | { kind: 'dead'; reason: string; message: string }
  /** It takes longer than the deadline. Where it is begun it goes on; else that is not known. */
  | { kind: 'late'; isBegun: boolean }
  /** Nobody took it within ten seconds: Temporal is away, or no orchestrator runs. Whether it is begun is not known. */
  | { kind: 'away'; message: string }
  /** Too many wait for this very image. */
  | { kind: 'crowded' };

export interface OneImageBounds {
  /** The same for those of one process that wait for one image: an execution lets ten updates wait at once. */
  updateId: string;
  /** Milliseconds since the epoch. */
  deadlineMs: number;
  signal: AbortSignal;
}

/** Longest time until an orchestrator has taken the image; milliseconds. Usually a tenth of a second. */
const ACCEPT_MS = 10_000;
/** gRPC status code (https://grpc.io/docs/guides/status-codes/). */
const RESOURCE_EXHAUSTED = 8;

/** Id of the executions of one image under one model: short, whatever the name of the object. */
export function detectImageId(model: string, { bucket, object, generation }: ImageRef): string {
  const name = createHash('sha256').update(object).digest('hex').slice(0, 32);
  return `detect-image/${model}/${bucket}/${name}/${generation}`;
}

/**
 * Has one image detected and waits for its outcome: shares the execution that runs already, starts one where none does,
 * also where an earlier one has ended. Ends by `deadlineMs` (milliseconds since the epoch) or when `signal` aborts, and
 * the detection goes on then. Never throws.
 */
export async function detectOne(
  client: Client,
  input: DetectImageInput,
  { updateId, deadlineMs, signal }: OneImageBounds,
): Promise<OneImageOutcome> {
  const bounded = <T>(untilMs: number, call: () => Promise<T>): Promise<T> =>
    client.withAbortSignal(signal, () => client.withDeadline(Math.min(untilMs, deadlineMs), call));
  let isAccepted = false;
  try {
    const update = await bounded(Date.now() + ACCEPT_MS, () =>
      client.workflow.startUpdateWithStart<(input: DetectImageInput) => Promise<DetectedImage>, DetectedImage, []>(
        DETECTIONS_UPDATE,
        { updateId, waitForStage: WorkflowUpdateStage.ACCEPTED, startWorkflowOperation: startOf(input) },
      ),
    );
    isAccepted = true;
    return { kind: 'detected', image: await bounded(deadlineMs, () => update.result()) };
  } catch (error) {
    return outcomeOf(error, { isAccepted, isOver: signal.aborted || Date.now() >= deadlineMs });
  }
}

function startOf(
  input: DetectImageInput,
): WithStartWorkflowOperation<(input: DetectImageInput) => Promise<DetectedImage>> {
  const { model, bucket } = input;
  return new WithStartWorkflowOperation('detectImage', {
    workflowId: detectImageId(model, input),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    taskQueue: ORCHESTRATION_QUEUE,
    args: [input],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: SEARCH_ATTRIBUTES.bucket, value: [bucket] },
      { key: SEARCH_ATTRIBUTES.model, value: model },
      { key: SEARCH_ATTRIBUTES.images, value: 1 },
    ]),
    // The server takes 400 bytes, and the name of an object may have a thousand.
    staticSummary: `an image of gs://${bucket}, model ${model}`,
  });
}

function outcomeOf(error: unknown, at: { isAccepted: boolean; isOver: boolean }): OneImageOutcome {
  if (error instanceof WorkflowUpdateFailedError) {
    const { cause } = error;
    const message = cause?.message ?? error.message;
    if (cause instanceof ApplicationFailure && cause.type) return { kind: 'dead', reason: cause.type, message };
    // Somebody has cancelled or terminated it.
    return { kind: 'dead', reason: 'CANCELLED', message };
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError && at.isOver)
    return { kind: 'late', isBegun: at.isAccepted };
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  const code: number | undefined = isGrpcServiceError(cause) ? cause.code : undefined;
  if (code === RESOURCE_EXHAUSTED) return { kind: 'crowded' };
  return { kind: 'away', message: error instanceof Error ? error.message : String(error) };
}
