/** Places in the window that are taken, and not yet those of open batches. */
export interface Places {
  /** Makes one of them the place of a batch, until what `follow` gives resolves. An open batch is not followed again. */
  hold(batchId: string, follow: () => Promise<unknown>): void;
  /** Gives back those that no batch has. */
  release(): void;
}

/** What a window has to say to the lease of its places. */
export interface Demand {
  /** Batches that are open or being started. */
  open: number;
  /** Places that it goes by. */
  places: number;
  /** Somebody waits for room, or was refused since the last demand. */
  wants: boolean;
  /** Partitions of the lane's topic that this process reads, and how many there are; 0 while that is not known. */
  partitions: number;
  of: number;
}

/**
 * How many batches of a lane this process may have open. What does not fit waits in Kafka. The places are leased: they
 * change while batches are open, and end. Batches that are open stay so; none is started while they fill the places.
 */
export class Window {
  #places: number;
  /** By `performance.now()`. */
  #goodUntilMs = Infinity;
  readonly #open = new Set<string>();
  #reserved = 0;
  #wants = false;
  #reads = { partitions: 0, of: 0 };
  /** One for each partition that waits: a partition that is read again waits anew. */
  readonly #waiters = new Map<number, () => void>();
  #onChange: () => void = () => undefined;

  constructor(places = 0) {
    this.#places = places;
  }

  /** Open batches. */
  get open(): number {
    return this.#open.size;
  }

  /** Places that it goes by; 0 once their lease has run out. */
  get places(): number {
    return performance.now() < this.#goodUntilMs ? this.#places : 0;
  }

  /** Batches that are open or being started. */
  get taken(): number {
    return this.#open.size + this.#reserved;
  }

  get isFull(): boolean {
    return this.taken >= this.places;
  }

  /** Somebody waits for room, or was refused since `demand`. */
  get wants(): boolean {
    return this.#wants || this.#waiters.size > 0;
  }

  /** Goes by so many places, until `goodUntilMs` by `performance.now()`; wakes who waits where there is room now. */
  lease(places: number, goodUntilMs: number): void {
    this.#places = places;
    this.#goodUntilMs = goodUntilMs;
    this.#wake();
  }

  /** This process reads so many partitions of the lane's topic, of so many. Call it once what is open in them is held. */
  reads(partitions: number, of: number): void {
    this.#reads = { partitions, of };
  }

  demand(): Demand {
    const { taken: open, places, wants } = this;
    this.#wants = false;
    return { open, places, wants, ...this.#reads };
  }

  /** Calls `listener` whenever room is wanted or a batch has ended. There is one listener. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /**
   * Takes places before batches are started: starts take time, and partitions run side by side. Undefined while the
   * window is full. A batch of several models takes one for each as soon as one is free, or it would wait for ever
   * behind those of one model; so a window may be passed by the number of models of a batch less one.
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

  /**
   * Counts a batch as open, whether there is room or not. Where `follow` rejects, the process is stopping and knows no
   * more of it: it stays open.
   */
  hold(batchId: string, follow: () => Promise<unknown>): void {
    if (this.#open.has(batchId)) return;
    this.#open.add(batchId);
    const release = (): void => {
      this.#open.delete(batchId);
      this.#wake();
      this.#onChange();
    };
    follow().then(release, () => undefined);
  }

  /** Resolves when there may be room for a batch of this partition. */
  room(partition: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.set(partition, resolve);
      this.#wants = true;
      this.#onChange();
    });
  }

  #wake(): void {
    if (this.isFull) return;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
