/** A ceiling of images in a day, as the holder of a lease knows it. */
export interface DayAllowance {
  /** Name of the day; '' before the first answer. */
  day: string;
  /** Images that may be inferred in the day; Infinity: no ceiling. */
  limit: number;
  /** When the day ends, by the monotonic clock; from then on nothing is allowed until there is a new day. */
  endsMs: number;
  /** Express images go on beyond the limit. */
  expressBeyond: boolean;
}

/** Images of a day that are used, and that may still be. */
export class Allowance {
  #of: DayAllowance = { day: '', limit: Infinity, endsMs: Infinity, expressBeyond: false };
  #used = 0;

  constructor(private readonly now: () => number) {}

  /** A new day begins with nothing used. */
  set(of: DayAllowance): void {
    if (of.day !== this.#of.day && this.#of.day !== '') this.#used = 0;
    this.#of = of;
  }

  /** Gives back what is not used: before it is told that it was. */
  release(): void {
    if (this.#of.limit !== Infinity) this.#of = { ...this.#of, limit: Math.min(this.#of.limit, this.#used) };
  }

  get hasCeiling(): boolean {
    return this.#of.limit !== Infinity;
  }

  /** What is told to the workflow. */
  get account(): { day: string; used: number; limit: number } {
    const { day, limit } = this.#of;
    return { day, used: this.#used, limit: limit === Infinity ? this.#used : Math.max(limit, this.#used) };
  }

  /** Images that may still run. */
  get left(): number {
    const { limit, endsMs } = this.#of;
    if (limit === Infinity) return Infinity;
    return this.now() >= endsMs ? 0 : Math.max(0, limit - this.#used);
  }

  /** How many of so many may run now, express ones first. */
  allows({ express, bulk }: { express: number; bulk: number }): number {
    const { left } = this;
    return this.#of.expressBeyond
      ? express + Math.min(bulk, Math.max(0, left - express))
      : Math.min(express + bulk, left);
  }

  use(images: number): void {
    this.#used += images;
  }
}
