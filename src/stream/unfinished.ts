/** What became of a commit. `stale`: the partition is not read any more as it was, and nobody may commit for it. */
export type CommitOutcome = 'made' | 'stale' | 'refused';

/**
 * Slices of one partition that their handler has taken and not finished yet. They may end in any order; what is
 * committed is as far as all before it have ended, in one commit where several have.
 */
export class Unfinished {
  readonly #slices: { next: bigint; isDone: boolean }[] = [];
  #isCommitting = false;
  #isOver = false;

  /**
   * @param commit commits all before an offset; called once at a time
   * @param onFailure a slice failed, or its commit was refused: called once, and nothing is committed from then on
   */
  constructor(
    private readonly commit: (next: bigint) => Promise<CommitOutcome>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Slices are added in their order. Resolves, always, when the slice needs nothing more. */
  async add(next: bigint, done: Promise<void>): Promise<void> {
    const slice = { next, isDone: false };
    this.#slices.push(slice);
    try {
      await done;
      slice.isDone = true;
      await this.#commitFront();
    } catch (error) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.onFailure(error);
    }
  }

  async #commitFront(): Promise<void> {
    if (this.#isCommitting) return;
    this.#isCommitting = true;
    try {
      for (let last = this.#takeDone(); last !== undefined; last = this.#takeDone()) {
        const outcome = await this.commit(last);
        if (outcome === 'refused') throw new Error(`the commit of offset ${last} was refused`);
        if (outcome === 'stale') this.#isOver = true;
      }
    } finally {
      this.#isCommitting = false;
    }
  }

  /** The offset up to which all have ended, if that is further than before. */
  #takeDone(): bigint | undefined {
    if (this.#isOver) return undefined;
    const undone = this.#slices.findIndex(({ isDone }) => !isDone);
    return this.#slices.splice(0, undone === -1 ? this.#slices.length : undone).at(-1)?.next;
  }
}
