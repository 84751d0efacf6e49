/** Lets so many through at a time; the others wait, in order. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param full so many may wait, and what the next one is refused with; without it there is no bound */
  constructor(
    places: number,
    private readonly full?: { mostWaiting: number; error: () => Error },
  ) {
    this.#free = places;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else if (this.full !== undefined && this.#waiting.length >= this.full.mostWaiting) throw this.full.error();
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
