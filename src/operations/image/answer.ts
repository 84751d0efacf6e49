import type { RefusedEvent, ResultRow, UploadRow } from '../../warehouse/index.js';

/**
 * Where an image is under one model:
 * - `waiting`: in Kafka, its batch is not started; `held`: its circuit breaker is open
 * - `running`: in a batch; `storing`: done, its row is not there yet
 * - `detected`, `dead`: its row says so
 * - `lost`: received, and nothing has it any more; `unknown`: what would know could not be asked
 */
export type ImageState = 'waiting' | 'held' | 'running' | 'storing' | 'detected' | 'dead' | 'lost' | 'unknown';

/** What `penstock image --json` prints. Fields are only added; null stands for what is not so, or could not be asked. */
export interface ImageReport {
  /** ISO 8601, like all times. */
  checkedAt: string;
  /** gs://bucket/object */
  image: string;
  /** Generation that was asked for; null: all. */
  generation: string | null;
  bucket: InBucket;
  /** A generation under a model each; newest generation first. Empty: it was never received. */
  images: ImageAnswer[];
  /** True when there are more than are listed. */
  truncated: boolean;
  /** Only where the generation asked for, or that in the bucket, was never received: why, and what to do. */
  neverReceived: NeverReceived | null;
  /** Servers that could not be asked, and why. */
  notAsked: Record<string, string>;
}

/** The object as it is in the bucket. */
export type InBucket =
  | {
      state: 'exists';
      generation: string;
      uploadedAt: string;
      contentType: string | null;
      sizeBytes: number | null;
    }
  | { state: 'absent' }
  | { state: 'unknown'; problem: string };

export interface NeverReceived {
  /** It was uploaded a moment ago: its event may be on the way. */
  mayYetCome: boolean;
  sentence: string;
  advice: string | null;
  /** Refused events that name it; null when they could not be looked for. */
  refused: RefusedEvent[] | null;
}

export interface ImageAnswer {
  generation: string;
  /** name@hash where a result says it, else the name. */
  model: string;
  state: ImageState;
  /** It is the generation in the bucket; null when the bucket could not be asked. */
  current: boolean | null;
  /** Where it is and why, for a person. */
  sentence: string;
  /** What to do about it. */
  advice: string | null;
  timings: Timings;
  /** The last event of it. */
  event: EventAnswer | null;
  batch: BatchAnswer | null;
  /** Under each version of the model: the detection that `images` shows, if it shows one, then the latest first. */
  results: ResultRow[];
}

export interface Timings {
  uploadedAt: string;
  receivedAt: string;
  detectedAt: string | null;
  storedAt: string | null;
  deadlineAt: string | null;
  /** Durations. */
  uploadToReceivedSeconds: number;
  receivedToDetectedSeconds: number | null;
  detectedToStoredSeconds: number | null;
  uploadToStoredSeconds: number | null;
}

export interface EventAnswer {
  /** Id of its acceptance, as in the logs. */
  id: string;
  sourceId: string | null;
  lane: string;
  topic: string;
  partition: number;
  offset: string;
  /** Null: it does not wait in Kafka. */
  waiting: {
    /** Records that are started before it. */
    aheadInPartition: number;
    aheadInLane: number | null;
    /** Null: no rate to go by. */
    expectedSeconds: number | null;
  } | null;
}

export interface BatchAnswer {
  workflowId: string;
  runId: string;
  /** As Temporal names it; null when Temporal could not be asked or does not keep it. */
  status: string | null;
  link: string | null;
  /** Inferences of the image that have begun. */
  attempts: number | null;
  lastFailure: string | null;
  /** The activity that it waits for. */
  pending: { state: string; attempt: number; since: string | null; worker: string | null } | null;
}

export function timingsOf(upload: UploadRow | null, result: ResultRow | undefined): Timings {
  const { uploaded_at = '', received_at = '' } = result ?? upload ?? {};
  const times = [uploaded_at, received_at, result?.detected_at, result?.stored_at] as const;
  const between = (from: number, to: number): number | null => {
    const [start, end] = [times[from], times[to]];
    return start === undefined || end === undefined ? null : (Date.parse(end) - Date.parse(start)) / 1000;
  };
  return {
    uploadedAt: uploaded_at,
    receivedAt: received_at,
    detectedAt: times[2] ?? null,
    storedAt: times[3] ?? null,
    deadlineAt: upload?.deadline_at ?? null,
    uploadToReceivedSeconds: between(0, 1) ?? 0,
    receivedToDetectedSeconds: between(1, 2),
    detectedToStoredSeconds: between(2, 3),
    uploadToStoredSeconds: between(0, 3),
  };
}
