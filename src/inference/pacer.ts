/**
 * A token bucket on a monotonic clock: in any time t it gives at most `rate × t + depth` tokens. It starts empty, so
 * that a pacer that is made anew adds nothing.
 */
export class TokenBucket {
  readonly #now: () => number;
  #tokens = 0;
  #at: number;

  /** `imagesPerSecond` 0 means no limit. `depth` is the size of one model run. `now` in milliseconds, monotonic. */
  constructor(
    readonly imagesPerSecond: number,
    public depth: number,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#at = now();
  }

  /** Takes up to `wanted` whole tokens. */
  take(wanted: number): number {
    if (this.imagesPerSecond === 0) return wanted;
    this.#refill();
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Milliseconds until a token is there. */
  waitMs(): number {
    if (this.imagesPerSecond === 0) return 0;
    this.#refill();
    return Math.max(0, ((1 - this.#tokens) / this.imagesPerSecond) * 1000);
  }

  #refill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.depth, this.#tokens + ((now - this.#at) / 1000) * this.imagesPerSecond);
    this.#at = now;
  }
}

type Grant = (count: number, atMs: number) => void;
interface Request {
  wanted: number;
  grant: Grant;
}

/** Hands tokens to whoever waits for them: express first, then in the order of asking. One per detector. */
export class Pacer {
  readonly #bucket: TokenBucket;
  readonly #express: Request[] = [];
  readonly #bulk: Request[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket;
  }

  /** Sets the most tokens that gather while nobody asks: the size of one model run. */
  setDepth(images: number): void {
    this.#bucket.depth = images;
  }

  /** Asks for tokens; `grant` is called, perhaps several times, as they come. */
  request(wanted: { express: number; bulk: number }, grant: Grant): void {
    if (wanted.express > 0) this.#express.push({ wanted: wanted.express, grant });
    if (wanted.bulk > 0) this.#bulk.push({ wanted: wanted.bulk, grant });
    this.#serve();
  }

  /** Forgets all that was asked for with this callback. */
  withdraw(grant: Grant): void {
    for (const queue of [this.#express, this.#bulk]) {
      queue.splice(0, queue.length, ...queue.filter((request) => request.grant !== grant));
    }
  }

  #serve(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (;;) {
      const queue = this.#express.length > 0 ? this.#express : this.#bulk;
      const next = queue[0];
      if (next === undefined) return;
      const taken = this.#bucket.take(next.wanted);
      if (taken === 0) break;
      next.wanted -= taken;
      if (next.wanted === 0) queue.shift();
      next.grant(taken, Date.now());
    }
    this.#timer = setTimeout(() => this.#serve(), Math.ceil(this.#bucket.waitMs()));
  }
}
