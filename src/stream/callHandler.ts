import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';
import type { Logger } from '../telemetry/index.js';
import type { Progress, Slice, SliceHandler } from './types.js';

const HEARTBEAT_EVERY_MS = 1_000;
/** Before a slice that failed is read again. */
export const PAUSE_AFTER_ERROR_MS = 1_000;

/**
 * Runs the handler and keeps the membership alive meanwhile; always waits for the handler to end. A throw is a slice that
 * is read again after a pause, and says why in `failure`. `interrupted` is what ended the membership. The signal of the
 * slice goes on until what the handler took is done.
 */
export async function callHandler(
  handler: SliceHandler,
  slice: Slice,
  payload: Pick<EachBatchPayload, 'heartbeat'>,
  log: Logger,
): Promise<{ progress: Progress; interrupted?: Error; failure?: string }> {
  // Not AbortSignal.any: in Node 20 a signal that lives long keeps something of each that was made of it, for ever.
  const ended = new AbortController();
  const { signal } = ended;
  const onLost = (): void => ended.abort(slice.signal.reason);
  slice.signal.addEventListener('abort', onLost, { once: true });
  const stopListening = (): void => slice.signal.removeEventListener('abort', onLost);
  if (slice.signal.aborted) onLost();
  let interrupted: Error | undefined;
  const beat = setInterval(() => {
    payload.heartbeat().catch((error: unknown) => {
      interrupted ??= error instanceof Error ? error : new Error(String(error));
      ended.abort(interrupted);
    });
  }, HEARTBEAT_EVERY_MS);
  try {
    const progress = await handler({ ...slice, signal });
    if (progress.done === undefined) stopListening();
    // A handler drops what nobody waits for any more: once the signal has aborted, done does not mean stored.
    const done = progress.done?.finally(stopListening).then(() => signal.throwIfAborted());
    return { progress: { ...progress, ...(done ? { done } : {}) }, ...(interrupted ? { interrupted } : {}) };
  } catch (error) {
    stopListening();
    if (signal.aborted) return { progress: { consumed: 0 }, ...(interrupted ? { interrupted } : {}) };
    log.error({ err: error, topic: slice.topic, partition: slice.partition }, 'slice failed, it is read again');
    const pauseUntil = sleep(PAUSE_AFTER_ERROR_MS, undefined, { ref: false });
    return { progress: { consumed: 0, pauseUntil }, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    clearInterval(beat);
  }
}
