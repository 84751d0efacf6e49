/**
 * Input of the workflow `detectBatch`: references only, packed by column because thousands of them are stored in
 * workflow histories. Bucket names appear once.
 */
export interface DetectBatchInput {
  /** Name of the model; its task queue is `penstock-detect-<model>`. */
  model: string;
  lane: string;
  /** Where the batch was read: topic, partition, first and last offset (decimal digits). */
  topic: string;
  partition: number;
  firstOffset: string;
  lastOffset: string;
  buckets: string[];
  images: PackedImage[];
  /** Tries of one image for passing reasons before it is dead. */
  maxAttempts: number;
  /** Uses the express task queue of the model. */
  express: boolean;
  /** The batch is a probe of a source whose circuit breaker is open: the breaker is told what became of it. */
  probe?: boolean;
  /** Where an earlier execution of the same batch left off; without it every image is pending. */
  progress?: BatchProgress;
}

/** What is known of the images of a batch. */
export interface BatchProgress {
  detected: number;
  /** Images still to be detected: index into images, inferences begun. */
  pending: [image: number, attempts: number][];
  /** Images that are dead: index into images, reason. */
  dead: [image: number, reason: string][];
  /** Images whose events wait again, because the circuit breaker of their source is open: index into images. */
  held?: number[];
  /** Detectors that were lost in a row under the same images of it, if any. */
  lostDetectors?: number;
  /** A run before was reset to the middle of its course: what failed is tried again, once, before the batch ends. */
  reset?: boolean;
}

/** Where one image of a batch is; `attempts` are the inferences begun for it, `failure` is that of the last one. */
export type ImageInBatch =
  | { state: 'pending'; attempts: number; failure?: { reason: string; detail: string } }
  | { state: 'detected' }
  /** Its event waits again, because the breaker of its source is open. */
  | { state: 'held' }
  | { state: 'dead'; reason: string };

/** What a batch that went well returns. */
export interface BatchResult {
  images: number;
  detected: number;
  /** Dead images by reason code. */
  dead: Record<string, number>;
  /** Images that wait for the circuit breaker of their source; another batch will detect them. */
  held?: number;
}

/** Input of the workflow `detectImage`. */
export interface DetectImageInput {
  model: string;
  bucket: string;
  object: string;
  generation: string;
  uploadedAtMs: number;
  receivedAtMs: number;
  maxAttempts: number;
}

/** The deadline is there where it has one (null before a trace), and the trace where it is traced. */
export type PackedImage = [
  bucket: number,
  object: string,
  generation: string,
  uploadedAtMs: number,
  receivedAtMs: number,
  deadlineMs?: number | null,
  traceparent?: string,
];

/** Memo of a `detectBatch` execution: which records it stands for, so that a dispatcher that died can go on after it. */
export interface BatchMemo {
  /** First and last offset of the batch, decimal digits. */
  firstOffset: string;
  lastOffset: string;
  /** Hex SHA-256 over the ids of all its events in order. */
  eventsHash: string;
}

/**
 * Memo that a dispatcher's start has besides: nothing has been done of the batch. Neither `penstock retry` nor a start
 * by hand sets it, even one that copies the input of a batch.
 */
export const FIRST_START = { fresh: true } as const;
