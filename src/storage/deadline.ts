import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageReason } from '../domain/index.js';

/** Why a read was given up, as it is told of the image. */
export class ReadError extends Error {
  override name = 'ReadError';

  constructor(
    readonly kind: 'dead' | 'retry',
    readonly reason: ImageReason,
    message: string,
  ) {
    super(message);
  }
}

/** The bounds of one whole read: its time, and the time without a byte. Its signal aborts with a `ReadError`. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #idleMs: number;
  readonly #whole: NodeJS.Timeout;
  #idle: NodeJS.Timeout;
  #bytes = 0;

  constructor({ timeoutMs, idleMs }: { timeoutMs: number; idleMs: number }) {
    this.#idleMs = idleMs;
    this.#whole = setTimeout(() => {
      this.#stop('DOWNLOAD_TIMEOUT', `no whole object within ${timeoutMs} ms`);
    }, timeoutMs);
    this.#idle = this.#watch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  came(bytes: number): void {
    this.#bytes += bytes;
    this.#idle.refresh();
  }

  /** Before the next request. Only the whole read's time runs on meanwhile. */
  async wait(ms: number): Promise<void> {
    clearTimeout(this.#idle);
    await sleep(ms, undefined, { signal: this.signal });
    this.#bytes = 0;
    this.#idle = this.#watch();
  }

  clear(): void {
    clearTimeout(this.#whole);
    clearTimeout(this.#idle);
  }

  /** A connection that is lost in the middle may give neither an error nor an end. */
  #watch(): NodeJS.Timeout {
    return setTimeout(() => this.#stop('DOWNLOAD_FAILED', `no byte for ${this.#idleMs} ms`), this.#idleMs);
  }

  #stop(reason: ImageReason, why: string): void {
    this.clear();
    this.#controller.abort(new ReadError('retry', reason, `${why}, ${this.#bytes} bytes came`));
  }
}
