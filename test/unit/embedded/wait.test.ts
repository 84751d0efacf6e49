import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { withinMs } from '../../../src/embedded/wait.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Ends when the signal aborts, as a request without an answer does. */
async function nothing(signal: AbortSignal): Promise<void> {
  await once(signal, 'abort');
  signal.throwIfAborted();
}

const never = new AbortController().signal;

test('a bound fires, however often garbage is collected meanwhile', async () => {
  const waiting = withinMs(300, never, nothing);
  const collecting = setInterval(collectGarbage, 20);
  try {
    await expect(waiting).rejects.toThrow('not within 0.3 s');
  } finally {
    clearInterval(collecting);
  }
});

test('a bound ends with the signal that it was given, before and while it waits, for its reason', async () => {
  const stop = new AbortController();
  const waiting = withinMs(60_000, stop.signal, nothing);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(withinMs(60_000, stop.signal, () => Promise.resolve())).rejects.toThrow('stopped');
});

test('work that ends in time is not aborted later', async () => {
  let seen: AbortSignal | undefined;
  await withinMs(20, never, (signal) => {
    seen = signal;
    return Promise.resolve();
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(seen?.aborted).toBe(false);
});
