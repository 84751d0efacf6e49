import { setTimeout as sleep } from 'node:timers/promises';
import { withinMs } from '../../embedded/index.js';
import { VerbError } from '../verb.js';
import type { EventRequest } from './events.js';

/** Bound on one answer. */
const ANSWER_MS = 30_000;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** Google goes on for days; a demo need not. */
const GIVE_UP_MS = 120_000;

/**
 * Posts an event until it is acknowledged, as Pub/Sub and Eventarc do: any answer but 2xx, or none, is sent again with
 * exponential backoff. Returns how often it had to be. Throws VerbError after two minutes.
 *
 * @param address of intake now; undefined while the role is down
 */
export async function post(
  address: () => string | undefined,
  { path, headers, body }: EventRequest,
  signal: AbortSignal,
): Promise<{ retries: number }> {
  const startedAt = performance.now();
  for (let retries = 0; ; retries += 1) {
    const answer = await attempt(address(), path, { method: 'POST', headers, body }, signal);
    if (answer.acknowledged) return { retries };
    if (performance.now() - startedAt > GIVE_UP_MS)
      throw new VerbError(
        `Intake did not acknowledge an event within ${GIVE_UP_MS / 1000} s; last it said: ${answer.said}`,
      );
    await sleep(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(retries, 10)), undefined, { signal });
  }
}

async function attempt(
  address: string | undefined,
  path: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<{ acknowledged: true } | { acknowledged: false; said: string }> {
  if (address === undefined) return { acknowledged: false, said: 'nothing, the role is down' };
  try {
    return await withinMs(ANSWER_MS, signal, async (bound) => {
      const response = await fetch(`${address}${path}`, { ...init, signal: bound });
      const said = await response.text();
      return response.ok
        ? { acknowledged: true }
        : { acknowledged: false, said: `${response.status} ${said.slice(0, 300)}` };
    });
  } catch (error) {
    signal.throwIfAborted();
    return { acknowledged: false, said: error instanceof Error ? error.message : String(error) };
  }
}
