/** Places in the window that are taken, and not yet those of open batches. */
export interface Places {
  /** Makes one of them the place of a batch, until what `follow` gives settles. An open batch is not followed again. */
  hold(batchId: string, follow: () => Promise<unknown>): void;
  /** Gives back those that no batch has. */
  release(): void;
}

/** How many batches may be open at once. What does not fit waits in Kafka. */
export class Window {
  readonly #limit: number;
  readonly #open = new Set<string>();
  #reserved = 0;
  #waiters: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get open(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size + this.#reserved >= this.#limit;
  }

  /**
   * Takes places before batches are started: starts take time, and partitions run side by side. Undefined while the
   * window is full. A batch of several models takes one for each as soon as one is free, or it would wait for ever
   * behind those of one model.
   */
  reserve(places: number): Places | undefined {
    if (places > 0 && this.isFull) return undefined;
    let left = places;
    this.#reserved += places;
    const give = (): void => {
      if (left === 0) return;
      left -= 1;
      this.#reserved -= 1;
    };
    return {
      hold: (batchId, follow) => {
        give();
        this.hold(batchId, follow);
      },
      release: () => {
        while (left > 0) give();
        this.#wake();
      },
    };
  }

  /** Counts a batch as open that is so already, whether there is room or not. */
  hold(batchId: string, follow: () => Promise<unknown>): void {
    if (this.#open.has(batchId)) return;
    this.#open.add(batchId);
    const release = (): void => {
      this.#open.delete(batchId);
      this.#wake();
    };
    follow().then(release, release);
  }

  /** Resolves when there may be room. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    if (this.isFull) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
