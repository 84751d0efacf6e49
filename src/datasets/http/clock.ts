import { setTimeout as sleep } from 'node:timers/promises';

/** Time, which a test may make pass quickly. */
export interface Clock {
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** The result of `work`, unless the signal aborts before. `work` goes on then, unheard. Rejects with the signal's reason. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    stop = () => resolve('aborted');
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), aborted]);
    if (first === 'aborted') throw signal.reason;
    return first.value;
  } finally {
    signal.removeEventListener('abort', stop);
    work.catch(() => undefined);
  }
}
