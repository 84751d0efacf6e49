import { patched, proxyActivities, upsertMemo, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { BatchProgress, DetectBatchInput, OrchestrationActivities } from '../domain/index.js';
import { ORCHESTRATION_QUEUE } from '../domain/topics.js';
import type { BatchState } from './batchState.js';
import { untilDone } from './untilDone.js';

const { outcomesOf } = proxyActivities<OrchestrationActivities>({
  taskQueue: ORCHESTRATION_QUEUE,
  startToCloseTimeout: '1 minute',
  retry: { maximumAttempts: 200, initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** Most buckets in the search attribute, as at the first start. */
const BUCKETS_SHOWN = 20;

/**
 * A run that is not the first of its images: by `penstock retry`, by Reset, or by a start that copies the input of
 * another. It does what is missing and no more. The first run pays nothing for it.
 */
export class Again {
  readonly #input: DetectBatchInput;
  readonly #state: BatchState;
  #asked = false;

  constructor(input: DetectBatchInput, state: BatchState) {
    this.#input = input;
    this.#state = state;
  }

  /** Leaves out what has an outcome by now. */
  async begin(): Promise<void> {
    if (!isAgain() || !patched('again')) return;
    complete(this.#input);
    await this.#takeUp();
  }

  /**
   * True when there is something to do before the batch may end: it was reset to a moment at which its images were tried,
   * or dead already. Once.
   */
  async goesOn(): Promise<boolean> {
    if (!this.#isOwed() || this.#state.failing().length === 0 || !patched('againAtEnd')) return false;
    await this.#takeUp();
    return this.#state.pending.size > 0;
  }

  /** What the run goes on from that continues this one as new: it has an id of its own, and was not reset itself. */
  progress(): BatchProgress {
    return { ...this.#state.progress(), ...(this.#isOwed() ? { reset: true } : {}) };
  }

  #isOwed(): boolean {
    return !this.#asked && (isReset() || this.#input.progress?.reset === true);
  }

  async #takeUp(): Promise<void> {
    this.#asked = true;
    this.#state.revive();
    const images = this.#state.pendingTogether();
    if (images.length === 0) return;
    const input = this.#state.outcomesInput(images);
    this.#state.know(images, await untilDone(() => outcomesOf(input)));
  }
}

/** The memo tells, and not the input: what starts a batch like another one copies the input alone. */
function isAgain(): boolean {
  const { memo, continuedFromExecutionRunId } = workflowInfo();
  return isReset() || (continuedFromExecutionRunId === undefined && memo?.['fresh'] !== true);
}

/** A replay from a file can't tell: it gives the run the id that it had before the reset. */
function isReset(): boolean {
  const { runId, originalExecutionRunId } = workflowInfo();
  return runId !== originalExecutionRunId;
}

/**
 * A start by hand has no memo, and maybe no search attributes: without them nobody would find the batch. The UI copies
 * them all: the dead of the run before are not this one's.
 */
function complete({ firstOffset, lastOffset, buckets, model, images }: DetectBatchInput): void {
  const { memo, typedSearchAttributes } = workflowInfo();
  const has = (name: string): boolean => typedSearchAttributes.getAll().some(({ key }) => key.name === name);
  if (memo?.['firstOffset'] === undefined) upsertMemo({ firstOffset, lastOffset });
  if (has('PenstockDead') && patched('againDead')) upsertSearchAttributes({ PenstockDead: [] });
  if (has('PenstockModel')) return;
  upsertSearchAttributes({
    PenstockBucket: buckets.slice(0, BUCKETS_SHOWN),
    PenstockModel: [model],
    PenstockImages: [images.length],
  });
}
