import type { Clock } from './clock.js';
import { HttpSourceError } from './errors.js';

const MOST_TRIES = 8;
/** Of asking and waiting in between; without waiting for a turn at the host. */
const MOST_MS = 900_000;
/** Who asks to be left alone for longer is: the caller may come back then. */
const MOST_RETRY_AFTER_MS = 600_000;
const FIRST_WAIT_MS = 500;
const MOST_WAIT_MS = 60_000;

/**
 * Calls `attempt` until it succeeds, up to eight times within 15 minutes, waiting twice as long each time, from half a
 * second to a minute with jitter, and no shorter than the API asks for. `attempt` tells the time that it spent. Throws the
 * last HttpSourceError, one that is not retryable at once, and whatever else `attempt` throws.
 */
export async function withTries<T>(
  attempt: (spend: (ms: number) => void) => Promise<T>,
  { clock, signal, onRetry }: { clock: Clock; signal: AbortSignal; onRetry: (tell: Retry) => void },
): Promise<T> {
  let spentMs = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt((ms) => (spentMs += ms));
    } catch (error) {
      if (!(error instanceof HttpSourceError) || !error.retryable) throw error;
      const backoffMs = Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);
      const { retryAfterMs = 0 } = error;
      const waitMs = Math.ceil(Math.max(backoffMs, retryAfterMs));
      if (tries === MOST_TRIES || retryAfterMs > MOST_RETRY_AFTER_MS || spentMs + waitMs > MOST_MS)
        throw givenUp(error, tries);
      onRetry({ error, tries, waitMs });
      await clock.sleep(waitMs, signal);
      spentMs += waitMs;
    }
  }
}

export interface Retry {
  error: HttpSourceError;
  /** So far. */
  tries: number;
  /** Until the next one. */
  waitMs: number;
}

function givenUp({ kind, message, retryable, retryAfterMs }: HttpSourceError, tries: number): HttpSourceError {
  const later = retryAfterMs === undefined ? '' : `; it asks to be left alone for ${Math.ceil(retryAfterMs / 1_000)} s`;
  return new HttpSourceError(kind, `${message}${later}; given up after ${tries === 1 ? 'a try' : `${tries} tries`}`, {
    retryable,
    retryAfterMs,
  });
}
