import type { ChangeRecord } from './capacity.js';
import type { AuditOutcome } from './audit.js';
import type { BackfillPageInput, BackfillPageOutcome } from './backfill.js';
import type { DetectedImage } from './image.js';
import type { PackedImage } from './batch.js';
import type { ImageReason } from './reasons.js';

/** Activities that workflows call: types only, so that a workflow can be bundled without them. */

/** Images of one batch that are to be detected now. */
export interface DetectImagesInput {
  model: string;
  buckets: string[];
  images: PackedImage[];
  /** Inferences begun for each image so far, in the order of `images`. */
  attempts: number[];
  express: boolean;
  /** Return the boxes too; for single images only. Default false: results go to Kafka, not through Temporal. */
  withDetections?: boolean;
}

/** What became of an image that was not detected. `image` is an index into the input's images. */
export interface FailedImage {
  image: number;
  reason: ImageReason;
  detail: string;
}

export interface DetectImagesResult {
  detected: number;
  /** Dead at once; their results are published already. */
  dead: FailedImage[];
  /** Tried, and failed for a passing reason: one attempt each is used up. */
  retry: FailedImage[];
  /** Indexes of images that were handed back: no inference of theirs began. */
  untried: number[];
  detections?: DetectedImage;
}

/** Images whose attempts are used up: their results are published as dead. */
export interface RecordDeadInput {
  model: string;
  buckets: string[];
  images: PackedImage[];
  attempts: number[];
  dead: FailedImage[];
}

/** Images whose attempts are used up for a reason that is the system's. */
export interface HoldImagesInput {
  model: string;
  /** Where their events go back to once the breaker is closed. */
  lane: string;
  /** Of the batch; with the index of an image it makes the id of its event, so that a repetition gives the same one. */
  workflowId: string;
  /** All of them wait, whatever is open now: those of a probe have had fewer tries than others. Default false. */
  always?: boolean;
  buckets: string[];
  images: PackedImage[];
}

/** Images of a batch that runs again. */
export interface OutcomesInput {
  model: string;
  buckets: string[];
  images: PackedImage[];
}

/** What need not be done again; both are indexes into the images of the input. */
export interface KnownOutcomes {
  detected: number[];
  /** Dead for a reason that no other try changes. */
  dead: [image: number, reason: string][];
}

export interface DetectionActivities {
  /** Runs the model over the images and publishes their results. Task queue of the model. */
  detectImages(input: DetectImagesInput): Promise<DetectImagesResult>;
  /** Publishes a result `dead` for each image; here, because the detector knows the name@hash of its model. */
  recordDead(input: RecordDeadInput): Promise<void>;
}

export interface OrchestrationActivities {
  /** Puts back the events of images whose source's breaker is open, or all; returns their indexes in the input. */
  holdImages(input: HoldImagesInput): Promise<number[]>;
  /** Which images the tables have an outcome of that is final. */
  outcomesOf(input: OutcomesInput): Promise<KnownOutcomes>;
  /** Recomputes the hours that were touched; returns how many. */
  rollUp(input: { verify: boolean }): Promise<{ hours: number }>;
  /** Deletes from Kafka what every named consumer group has read; returns records by topic. */
  deleteConsumedRecords(): Promise<Record<string, number>>;
  /** Compares the buckets that the configuration names with events and results. */
  audit(): Promise<AuditOutcome>;
  /** Lists one page of a bucket and enqueues its images. A page that is tried again is enqueued again. */
  backfillPage(input: BackfillPageInput): Promise<BackfillPageOutcome>;
  /** Writes changes of the capacity to their table; one that is written again replaces itself. */
  recordCapacityChanges(changes: ChangeRecord[]): Promise<void>;
  /** Whether a workflow whose first execution is named is still open, maybe continued as new. */
  isExecutionOpen(execution: { workflowId: string; runId: string }): Promise<boolean>;
}
