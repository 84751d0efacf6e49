import { setTimeout as sleep } from 'node:timers/promises';

/** Exponential backoff with full jitter; milliseconds. */
export interface Backoff {
  firstMs: number;
  maxMs: number;
}

/**
 * Calls `attempt` until it succeeds or `signal` aborts (then it throws the signal's reason). For dependencies that
 * are expected to come back; `onError` sees every failure with the number of the try and the wait before the next, and may
 * throw to give up.
 */
export async function retryForever<T>(
  attempt: () => Promise<T>,
  options: { backoff: Backoff; signal: AbortSignal; onError: (error: unknown, tries: number, waitMs: number) => void },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const ceiling = Math.min(options.backoff.maxMs, options.backoff.firstMs * 2 ** Math.min(tries - 1, 30));
      const waitMs = Math.ceil(ceiling * (0.5 + Math.random() / 2));
      options.onError(error, tries, waitMs);
      await sleep(waitMs, undefined, { signal: options.signal });
    }
  }
}
