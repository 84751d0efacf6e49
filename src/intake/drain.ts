import { setTimeout as sleep } from 'node:timers/promises';

/** Senders get so long for their answers when intake stops; milliseconds. */
const DRAIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Waits until all requests have their answers, then ends those that have none. */
export async function drain(open: ReadonlySet<AbortController>): Promise<void> {
  for (let waitedMs = 0; open.size > 0 && waitedMs < DRAIN_MS; waitedMs += LOOK_EVERY_MS) await sleep(LOOK_EVERY_MS);
  for (const request of open) request.abort();
}
