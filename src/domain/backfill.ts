/**
 * A backfill sends the objects that are in a bucket through, as if their events came now. Plain data without imports,
 * because workflows are bundled with it.
 */

/** What is backfilled, and how. The same of it is one backfill: a second start attaches to the first. */
export interface BackfillOptions {
  bucket: string;
  /** Objects whose names begin with it; empty for all. */
  prefix: string;
  /** Objects whose names come after it only. */
  startAfter?: string;
  /** Instead of the model that the routes name. */
  model?: string;
  /** Instead of the lane that the routes name. */
  lane?: string;
  /** Only images that the model has not detected, and that are not dead for good. */
  missing: boolean;
  /** Only objects created at or after it, milliseconds since the epoch. */
  sinceMs?: number;
  /** Count, and enqueue nothing. */
  dryRun: boolean;
}

/** How fast. May be changed while it runs. */
export interface BackfillPace {
  /** Most images enqueued a second, on average. */
  imagesPerSecond: number;
  /** Nothing is enqueued while so many events or more wait in the lane. */
  ahead: number;
}

export const DEFAULT_PACE: Readonly<BackfillPace> = { imagesPerSecond: 1_000, ahead: 1_000 };

/** Names of the workflow, of its query and of the signal that changes its pace. */
export const BACKFILL = { workflow: 'backfill', progress: 'progress', pace: 'pace' } as const;

/** Objects by what became of them. */
export interface BackfillCounts {
  listed: number;
  /** Handed to Kafka; in a dry run, those that would be. */
  enqueued: number;
  /** No images, by content type or name. */
  notImage: number;
  /** Created before `since`. */
  older: number;
  /** Detected by the model already. */
  detected: number;
  /** Dead under the model for a reason that another try does not change. */
  dead: number;
  /** Dead before any work, as its description tells (0 bytes, too large): its row is written. */
  hopeless: number;
  unrouted: number;
  outOfRetention: number;
  /** Described by the bucket in a way that no event may be: a date in the future, a name that is too long. */
  refused: number;
}

export const NOTHING_COUNTED: Readonly<BackfillCounts> = {
  listed: 0,
  enqueued: 0,
  notImage: 0,
  older: 0,
  detected: 0,
  dead: 0,
  hopeless: 0,
  unrouted: 0,
  outOfRetention: 0,
  refused: 0,
};

/** Input of the activity `backfillPage`. */
export interface BackfillPageInput extends BackfillOptions {
  /** Position: the name of the last object of the page before. */
  after?: string;
  /** Most objects of the page. */
  objects: number;
  ahead: number;
  /** Lane that was full the last time: looked at before anything is listed. */
  fullLane?: string;
  sourceId: string;
}

/** What became of one page. Only `page` moves the position. */
export type BackfillPageOutcome =
  | {
      kind: 'page';
      counts: BackfillCounts;
      /** Name of its last object; undefined where it is empty. */
      last?: string;
      /** Nothing comes after it. */
      isEnd: boolean;
    }
  /** Enough images wait in the lane, or other backfills are at work. Nothing was enqueued. */
  | { kind: 'full'; what: string; lane?: string }
  /** A server does not do its part, and may later. `patienceMs`: how long it makes sense to try again. */
  | { kind: 'waiting'; what: string; patienceMs: number }
  /** No later try helps, unless somebody changes something. */
  | { kind: 'impossible'; what: string };

/** Where a backfill stands; what its query `progress` answers. */
export interface BackfillProgress {
  state: 'working' | 'full' | 'waiting' | 'done';
  /** What it waits for; empty while it works. */
  why: string;
  counts: BackfillCounts;
  /** Name of the last object that is done with; empty before the first page. */
  position: string;
  startedAtMs: number;
  /** Since when it has waited for one thing without a page in between; 0 when it does not. */
  waitingSinceMs: number;
  /** How long it makes sense to wait for that. */
  patienceMs?: number;
  pace: BackfillPace;
}

/** Input of the workflow `backfill`. */
export interface BackfillInput extends BackfillOptions {
  pace: BackfillPace;
  /** Where an earlier run left off. */
  progress?: BackfillProgress;
}

export interface BackfillResult {
  counts: BackfillCounts;
  startedAtMs: number;
  endedAtMs: number;
}
