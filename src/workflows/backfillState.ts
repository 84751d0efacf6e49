import {
  NOTHING_COUNTED,
  type BackfillCounts,
  type BackfillInput,
  type BackfillPageInput,
  type BackfillPageOutcome,
  type BackfillPace,
  type BackfillProgress,
} from '../domain/backfill.js';

/** A page is no larger than what goes out in so many seconds, so that a slow backfill is not one of bursts. */
const PAGE_SECONDS = 5;
const LARGEST_PAGE = 1_000;
const FIRST_WAIT_MS = 1_000;
/** A lane that is full is looked at often, or it would run empty; a server that is away less so. */
const LONGEST_WAIT_MS = { full: 10_000, waiting: 60_000 } as const;

/** What follows from the outcome of a page. */
export type NextStep = { kind: 'sleep'; ms: number } | { kind: 'end' } | { kind: 'fail'; why: string };

/** Where a backfill stands. Plain and deterministic: it lives inside a workflow, which tells it the time. */
export class BackfillState {
  readonly #input: BackfillInput;
  readonly progress: BackfillProgress;
  #fullLane: string | undefined;
  #waits = 0;

  constructor(input: BackfillInput, nowMs: number) {
    this.#input = input;
    this.progress = input.progress ?? {
      state: 'working',
      why: '',
      counts: NOTHING_COUNTED,
      position: '',
      startedAtMs: nowMs,
      waitingSinceMs: 0,
      pace: input.pace,
    };
  }

  setPace(pace: Partial<BackfillPace>): void {
    this.progress.pace = { ...this.progress.pace, ...pace };
  }

  nextPage(sourceId: string): BackfillPageInput {
    const { bucket, prefix, startAfter, model, lane, missing, sinceMs, dryRun } = this.#input;
    const { imagesPerSecond, ahead } = this.progress.pace;
    const after = this.progress.position || startAfter;
    const paced = Math.min(Math.ceil(imagesPerSecond * PAGE_SECONDS), ahead, LARGEST_PAGE);
    return {
      ...{ bucket, prefix, missing, dryRun, ahead, sourceId },
      objects: dryRun ? LARGEST_PAGE : Math.max(1, paced),
      ...(after ? { after } : {}),
      ...(model === undefined ? {} : { model }),
      ...(lane === undefined ? {} : { lane }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(this.#fullLane === undefined ? {} : { fullLane: this.#fullLane }),
    };
  }

  /** Takes the outcome of a page in that was begun at `beganAtMs`. */
  take(outcome: BackfillPageOutcome, beganAtMs: number, nowMs: number): NextStep {
    switch (outcome.kind) {
      case 'page':
        return this.#page(outcome, nowMs - beganAtMs);
      case 'full':
        this.#fullLane = outcome.lane;
        this.progress.waitingSinceMs = 0;
        return this.#wait('full', outcome.what);
      case 'waiting': {
        const { waitingSinceMs, patienceMs } = this.progress;
        // Hours without Kafka are no hours without the bucket: other patience, another cause.
        const isSame = waitingSinceMs > 0 && (patienceMs ?? outcome.patienceMs) === outcome.patienceMs;
        this.progress.patienceMs = outcome.patienceMs;
        this.progress.waitingSinceMs = isSame ? waitingSinceMs : nowMs;
        if (nowMs - this.progress.waitingSinceMs > outcome.patienceMs) return { kind: 'fail', why: outcome.what };
        return this.#wait('waiting', outcome.what);
      }
      case 'impossible':
        return { kind: 'fail', why: outcome.what };
    }
  }

  #page({ counts, last, isEnd }: Extract<BackfillPageOutcome, { kind: 'page' }>, tookMs: number): NextStep {
    this.#fullLane = undefined;
    this.#waits = 0;
    const { pace, position } = this.progress;
    Object.assign(this.progress, {
      state: isEnd ? 'done' : 'working',
      why: '',
      counts: sum(this.progress.counts, counts),
      position: last ?? position,
      waitingSinceMs: 0,
    } satisfies Partial<BackfillProgress>);
    if (isEnd) return { kind: 'end' };
    const dueMs = this.#input.dryRun ? 0 : (counts.enqueued * 1_000) / pace.imagesPerSecond;
    return { kind: 'sleep', ms: Math.max(0, Math.ceil(dueMs - tookMs)) };
  }

  #wait(state: 'full' | 'waiting', why: string): NextStep {
    const before = this.progress.state === state ? this.#waits : 0;
    this.#waits = before + 1;
    const ms = Math.min(LONGEST_WAIT_MS[state], FIRST_WAIT_MS * 2 ** Math.min(before, 10));
    Object.assign(this.progress, { state, why } satisfies Partial<BackfillProgress>);
    return { kind: 'sleep', ms };
  }

  /** For the failure: why, how far it came, and the option that goes on from there, as a shell takes it. */
  describeStop(why: string): string {
    const { counts, position } = this.progress;
    const where = position ? `; to go on from there: --start-after '${position.replaceAll("'", `'\\''`)}'` : '';
    return `${why}; ${counts.enqueued} of ${counts.listed} objects were enqueued${where}`;
  }

  /** For the details of the execution in the Temporal UI. */
  describe(): string {
    const { state, why, counts, position, startedAtMs } = this.progress;
    const { bucket, prefix, dryRun } = this.#input;
    return [
      `**${counts.enqueued} images ${dryRun ? 'would be enqueued' : 'enqueued'}** of ${counts.listed} objects listed`,
      `\`gs://${bucket}/${prefix}\`, since ${new Date(startedAtMs).toISOString()}`,
      ...(skipped(counts) ? [`skipped: ${skipped(counts)}`] : []),
      ...(position ? [`position: \`${position}\``] : []),
      ...(why ? [`${state === 'full' ? 'behind live traffic' : state}: ${why}`] : []),
    ].join('\n\n');
  }
}

function sum(a: BackfillCounts, b: BackfillCounts): BackfillCounts {
  const added = { ...a };
  for (const key of Object.keys(NOTHING_COUNTED) as (keyof BackfillCounts)[]) added[key] += b[key];
  return added;
}

/** `notImage 3, detected 12`; empty where nothing was. */
function skipped(counts: BackfillCounts): string {
  return Object.entries(counts)
    .filter(([what, objects]) => objects > 0 && what !== 'listed' && what !== 'enqueued')
    .map(([what, objects]) => `${what} ${objects}`)
    .join(', ');
}
