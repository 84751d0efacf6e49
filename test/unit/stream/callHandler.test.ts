import { pino } from 'pino';
import { expect, test } from 'vitest';
import { callHandler } from '../../../src/stream/callHandler.js';
import { sliceOf } from '../sink/results.js';

test('what a handler took is not done when its partition was lost before it ended', async () => {
  const lost = new AbortController();
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const slice = sliceOf(['{}'], { signal: lost.signal });
  const heartbeat = (): Promise<void> => Promise.resolve();
  const log = pino({ level: 'silent' });
  const { progress } = await callHandler(() => Promise.resolve({ consumed: 1, done }), slice, { heartbeat }, log);
  lost.abort(new Error('partition was reassigned'));
  finish();
  await expect(progress.done).rejects.toThrow('partition was reassigned');
});
