import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every 100 ms until `ask` is true; an error counts as no. Throws when the signal aborts first. */
export async function until(ask: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await ask().catch(() => false)) return;
    await sleep(100, undefined, { signal });
  }
}

/** True when a GET of the address is answered with 2xx within two seconds. */
export async function answers(url: string, expected?: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  const body = await response.text();
  return response.ok && (expected === undefined || body.startsWith(expected));
}
