/**
 * A timer fires late. Tokens that came while it was are given as of when they came, if that is no longer ago than this;
 * milliseconds.
 */
const LATE_MS = 100;

/** Tokens that were taken, and the moment as of which they were; or how long to wait until there are some. */
export type Taken = { count: number; atMs: number } | { waitMs: number };

/**
 * Tokens that flow at a rate which may change, and stop at an end: a token bucket as deep as one model run. In any time
 * it gives at most the integral of the rate plus one run, whatever the rate does. It begins empty.
 *
 * A bucket of one run would lose what comes while a timer is late. So a request is served as of the moment when its
 * tokens came, and the bucket goes on from there: by these moments the bound is exact.
 */
export class Flow {
  readonly #now: () => number;
  #rate = 0;
  #untilMs = -Infinity;
  #tokens = 0;
  /** The tokens are those of this moment. */
  #at: number;

  /** `depth`: images of one model run. `now` in milliseconds, monotonic. */
  constructor(
    public depth: number,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#at = now();
  }

  /** Goes at `rate` tokens a second (Infinity: no limit) until `untilMs` by the clock. Serve who waits before. */
  set(rate: number, untilMs: number): void {
    const now = this.#now();
    this.#advance(now);
    // What a lease has left when it ends is nobody's, and time without a limit leaves nothing.
    if (now >= this.#untilMs || this.#rate === Infinity) this.#tokens = 0;
    this.#rate = rate;
    this.#untilMs = untilMs;
  }

  /** Tokens a second, 0 once the end has come. */
  get rate(): number {
    return this.#now() < this.#untilMs ? this.#rate : 0;
  }

  /** Milliseconds by the clock. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /**
   * Takes `wanted` tokens once they are there, or as many as there are `fillMs` after `sinceMs`, when the request was
   * made. `waitMs` is Infinity where none will come.
   */
  take(wanted: number, sinceMs: number, fillMs: number): Taken {
    const now = this.#now();
    if (now >= this.#untilMs) return { waitMs: Infinity };
    if (this.#rate === Infinity) return { count: wanted, atMs: now };
    const due = Math.min(this.#whenThereAre(wanted), Math.max(this.#whenThereAre(1), sinceMs + fillMs));
    const atMs = Math.max(due, sinceMs, this.#at, now - LATE_MS);
    if (atMs >= this.#untilMs) return { waitMs: Infinity };
    if (atMs > now) return { waitMs: atMs - now };
    this.#advance(atMs);
    const count = Math.min(wanted, Math.floor(this.#tokens + 1e-9));
    this.#tokens -= count;
    return { count, atMs };
  }

  #whenThereAre(tokens: number): number {
    const missing = Math.min(tokens, this.depth) - this.#tokens;
    if (missing <= 0) return this.#at;
    return this.#rate === 0 ? Infinity : this.#at + (missing / this.#rate) * 1000;
  }

  #advance(toMs: number): void {
    const from = this.#at;
    this.#at = Math.max(from, toMs);
    const end = Math.min(toMs, this.#untilMs);
    if (end <= from || this.#rate === Infinity) return;
    this.#tokens = Math.min(this.depth, this.#tokens + ((end - from) / 1000) * this.#rate);
  }
}
