import { sourceKey, type BreakerState, type OpenBreaker, type Source } from '../domain/index.js';
import type { Logger } from '../telemetry/index.js';
import type { DispatchMetrics } from './metrics.js';

/** How often the state is asked for; milliseconds. */
const POLL_MS = 2_000;

export interface BreakersOptions {
  read: () => Promise<BreakerState>;
  metrics: Pick<DispatchMetrics, 'breakers'>;
  log: Logger;
  /** Default 2,000. */
  pollMs?: number;
}

/**
 * Which sources are held, as this dispatcher last heard. While the breaker can't be asked, what was true stays so: a
 * dispatcher that knows too little dispatches, and the batches put back what fails.
 */
export class Breakers {
  readonly #options: BreakersOptions;
  readonly #timer: NodeJS.Timeout;
  #open = new Map<string, OpenBreaker>();
  #waiters: { holds: () => boolean; wake: () => void }[] = [];
  #asking: Promise<void> | undefined;
  #isAway = false;
  #isKnown = false;

  constructor(options: BreakersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.refresh(), options.pollMs ?? POLL_MS);
    void this.refresh();
  }

  find(source: Source): OpenBreaker | undefined {
    return this.#open.get(sourceKey(source));
  }

  get open(): OpenBreaker[] {
    return [...this.#open.values()];
  }

  /** Has the breaker answered since the process began? Until then nothing seems open. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Asks now, or waits for the answer that is on its way. Never rejects. */
  refresh(): Promise<void> {
    return (this.#asking ??= this.#ask().finally(() => (this.#asking = undefined)));
  }

  /** Resolves when the condition holds; it is looked at after each answer, and once `close` was called. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((wake) => this.#waiters.push({ holds, wake }));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { wake } of this.#waiters.splice(0)) wake();
  }

  async #ask(): Promise<void> {
    try {
      const { open } = await this.#options.read();
      this.#take(open);
      this.#isAway = false;
      this.#isKnown = true;
    } catch (err) {
      if (!this.#isAway)
        this.#options.log.warn({ err }, 'the circuit breakers can not be asked; the last answer stays');
      this.#isAway = true;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.holds()) waiter.wake();
      else this.#waiters.push(waiter);
    }
  }

  #take(open: readonly OpenBreaker[]): void {
    const { log, metrics } = this.#options;
    const before = this.#open;
    this.#open = new Map(open.map((breaker) => [sourceKey(breaker), breaker]));
    for (const [key, { bucket, model, reason, detail, failing, of }] of this.#open)
      if (!before.has(key)) log.error({ bucket, model, reason, detail, failing, of }, 'circuit breaker is open');
    for (const [key, { bucket, model, reason }] of before)
      if (!this.#open.has(key)) log.info({ bucket, model, reason }, 'circuit breaker is closed');
    metrics.breakers.reset();
    for (const { bucket, model, reason } of open.slice(0, MAX_SERIES))
      metrics.breakers.set({ bucket, model, reason }, 1);
  }
}

/** Most breakers that have a series of their own. */
const MAX_SERIES = 100;
