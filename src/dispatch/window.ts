/** How many batches may be open at once. What does not fit waits in Kafka. */
export class Window {
  readonly #limit: number;
  readonly #open = new Set<string>();
  #waiters: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get open(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= this.#limit;
  }

  /** Counts a batch as open until what `follow` gives settles. An id that is open already is not followed again. */
  hold(batchId: string, follow: () => Promise<unknown>): void {
    if (this.#open.has(batchId)) return;
    this.#open.add(batchId);
    const release = (): void => {
      this.#open.delete(batchId);
      if (this.isFull) return;
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const wake of waiters) wake();
    };
    follow().then(release, release);
  }

  /** Resolves when there is room. */
  room(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
