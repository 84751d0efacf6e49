import type { ImageRef } from '../domain/index.js';
import type { ImageOutcome, Task } from './protocol.js';

/** Images of one caller. */
export interface DetectRequest {
  images: readonly ImageRef[];
  express: boolean;
  /** Takes the images back that no model run has begun; those of a run are finished, and have their outcomes. */
  signal: AbortSignal;
  /** Told once of each image that is not taken back, together with those that have their outcomes at the same time. */
  onOutcomes: (settled: readonly SettledImage[]) => void;
}

export interface SettledImage {
  /** Its index in the request. */
  image: number;
  outcome: ImageOutcome;
}

/** Who waits for images, and for how many still. */
export interface Caller extends DetectRequest {
  left: number;
  done: () => void;
}

export interface Waiting {
  task: Task;
  caller: Caller;
  image: number;
}

/** So many of the caller's images are waited for no more. */
export function leave(caller: Caller, images = 1): void {
  caller.left -= images;
  if (caller.left === 0) caller.done();
}
