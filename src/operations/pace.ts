import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves at most `perSecond` times a second, evenly; rejects when `signal` aborts. */
export function createPace(perSecond: number, signal?: AbortSignal): () => Promise<void> {
  let nextAt = performance.now();
  return async () => {
    const waitMs = Math.max(0, nextAt - performance.now());
    nextAt = Math.max(nextAt, performance.now()) + 1000 / perSecond;
    await sleep(waitMs, undefined, signal ? { signal } : {});
  };
}
