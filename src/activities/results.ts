import {
  IMAGE_RESULTS_TOPIC,
  imageKey,
  type ImageResult,
  type PackedImage,
  type ImageReason,
  type DetectedImage,
} from '../domain/index.js';
import { GroupCommit, type OutgoingRecord, type StreamProducer } from '../stream/index.js';
import { withTrace } from '../tracing/index.js';

/**
 * A request costs broker and sink about the same whatever it carries: a result after a pause goes at once, those that come
 * one after the other share a request, unless there are many already.
 */
const PACE = { maxItems: 1_000, minIntervalMs: 250, fullItems: 500 };

/** Publishes results; resolves when the broker has acknowledged them, rejects when it did not. */
export type PublishResults = (results: readonly TracedResult[]) => Promise<void>;

/** A result, and the trace of its image where it has one. */
export interface TracedResult {
  result: ImageResult;
  traceparent: string | undefined;
}

/** Results of all activities of a process share their produce requests. */
export function createResultPublisher(producer: StreamProducer): PublishResults {
  const group = new GroupCommit<OutgoingRecord>((records) => producer.send(IMAGE_RESULTS_TOPIC, records), PACE);
  return (results) => group.add(results.map(toRecord));
}

function toRecord({ result, traceparent }: TracedResult): OutgoingRecord {
  return withTrace({ key: imageKey(result), value: JSON.stringify(result) }, traceparent);
}

/** What a result needs besides the outcome. */
export interface ResultOrigin {
  /** name@hash */
  model: string;
  buckets: readonly string[];
  workflowId: string;
  runId: string;
}

type Outcome =
  | { status: 'detected'; image: DetectedImage; detectedAtMs: number }
  | { status: 'dead'; reason: ImageReason; detail: string; detectedAtMs: number };

/** The message of one image. `attempts` counts the try that gave the outcome. */
export function imageResult(
  origin: ResultOrigin,
  packed: PackedImage,
  attempts: number,
  outcome: Outcome,
): ImageResult {
  const [bucket, object, generation, uploadedAtMs, receivedAtMs] = packed;
  const { workflowId, runId, model } = origin;
  const dead = outcome.status === 'dead';
  return {
    v: 1,
    bucket: origin.buckets[bucket] ?? '',
    object,
    generation,
    model,
    status: outcome.status,
    ...(dead ? { reason: outcome.reason, detail: outcome.detail } : {}),
    width: dead ? 0 : outcome.image.width,
    height: dead ? 0 : outcome.image.height,
    detections: dead ? [] : outcome.image.detections,
    uploadedAtMs,
    receivedAtMs,
    detectedAtMs: outcome.detectedAtMs,
    attempts,
    workflowId,
    runId,
  };
}
