import { faultOf } from '../../client/index.js';
import { retryForever } from '../../service/index.js';

/** A server that blinks is asked again so often. */
const TRIES = 5;
const NEVER = new AbortController().signal;
const BACKOFF = { firstMs: 500, maxMs: 2_000 };

/** Asks again where another try may help, and throws what the last one failed with. */
export function withTries<T>(call: () => Promise<T>, signal: AbortSignal = NEVER): Promise<T> {
  return retryForever(call, {
    ...{ backoff: BACKOFF, signal },
    onError: (error, tries) => {
      if (tries >= TRIES || faultOf(error) === 'lasting') throw error;
    },
  });
}
