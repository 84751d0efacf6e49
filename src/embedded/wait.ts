import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every 100 ms until `ask` is true; an error counts as no. Throws when the signal aborts first. */
export async function until(ask: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await ask().catch(() => false)) return;
    await sleep(100, undefined, { signal });
  }
}

/**
 * Runs `work` with a signal that aborts after so many milliseconds, or with `signal`. Node 20 collects the timeout in
 * `AbortSignal.any([AbortSignal.timeout(ms), …])` as garbage before it fires; this one is held by its timer.
 */
export async function withinMs<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const bound = new AbortController();
  const end = (): void => bound.abort(signal.reason);
  const timer = setTimeout(() => bound.abort(new Error(`not within ${ms / 1000} s`)), ms);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await work(bound.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

/** True when a GET of the address is answered with 2xx within two seconds. */
export async function answers(url: string, expected?: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  const body = await response.text();
  return response.ok && (expected === undefined || body.startsWith(expected));
}
