import type { Config } from '../config/index.js';
import type { DetectedImage, ImageReason, ImageRef } from '../domain/index.js';
import type { Prepared } from './model/index.js';

/** What a child process is started with. */
export interface ChildOptions {
  modelDir: string;
  provider: Config['PENSTOCK_EXECUTION_PROVIDER'];
  deviceId: number;
  /** Threads inside one model run. */
  intraOpThreads: number;
  /** Threads that download and prepare pictures. */
  prepareThreads: number;
  /** Most images in one model run. */
  maxBatch: number;
  /** Longest that a prepared picture waits for others to share its run, while others are being prepared; milliseconds. */
  batchDelayMs: number;
  gcsEndpoint?: string | undefined;
  gcsProject?: string | undefined;
  maxBytes: number;
  maxPixels: number;
  timeoutMs: number;
  /** Its owner ends it when it says nothing for so long, with images inside. */
  silenceMs?: number | undefined;
}

/** An image handed to a child, under a number that the parent chose. */
export interface Task extends ImageRef {
  id: number;
  express: boolean;
}

/** What became of one image in the engine. */
export type ImageOutcome =
  | { kind: 'detected'; image: DetectedImage; detectedAtMs: number }
  | { kind: 'retry' | 'dead'; reason: ImageReason; detail: string };

/** Parent to child. */
export type Order =
  | { kind: 'tasks'; tasks: Task[] }
  /** `count` images run now; the pacer granted them at `atMs` (milliseconds since the epoch). */
  | { kind: 'grant'; count: number; atMs: number }
  /** While it is free the child runs without asking. */
  | { kind: 'free'; isFree: boolean }
  /** Nobody waits for these any more; those that do not run yet need not. */
  | { kind: 'drop'; ids: number[] }
  | { kind: 'ping' };

/** Child to parent. */
export type Report =
  /** It serves, may hold `places` images at once (as many tensors are kept), and runs at most `maxBatch` of them. */
  | { kind: 'ready'; places: number; maxBatch: number }
  /** The child can not serve: the model or its provider is at fault. */
  | { kind: 'unfit'; message: string }
  /** So many images could run now, in place of what was said before; nothing runs until they are granted. `grants`: those it has had. */
  | { kind: 'want'; express: number; bulk: number; grants: number }
  /** So many images of the last grant do not run: nobody waits for them any more. Said before anything else is wanted. */
  | { kind: 'unused'; images: number }
  /** Images in each run since the last report, and whether the child asked for them. */
  | { kind: 'ran'; runs: number[]; free: number; busyMs: number }
  | { kind: 'outcomes'; outcomes: { id: number; outcome: ImageOutcome }[] }
  /** They are out of the child without an outcome. */
  | { kind: 'dropped'; ids: number[] }
  | { kind: 'pong' };

/** Child's main thread to one of its preparing threads. */
export interface PrepareOrder {
  task: Task;
  /** Which place of the shared tensors to write into. */
  place: number;
}

/** A preparing thread's answer. */
export type PrepareReport =
  | { id: number; place: number; kind: 'prepared'; prepared: Prepared }
  | { id: number; place: number; kind: 'retry' | 'dead'; reason: ImageReason; detail: string };
