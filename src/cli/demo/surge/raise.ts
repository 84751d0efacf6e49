import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { batchRequest } from '../events.js';
import { post } from '../post.js';
import type { Sending } from '../send.js';
import type { QuietUpload } from './quietUpload.js';

export interface RaiseOptions {
  intake: () => string | undefined;
  /** Static bearer token that intake wants. */
  token: string | undefined;
  /** Events a second, from the first to the last. */
  perSecond: number;
  sending: Sending;
  signal: AbortSignal;
}

const TICK_MS = 25;
/** About 2 KB each, against a limit of 256 KB on a body. */
const EVENTS_AT_ONCE = 50;
/** Above it what is due waits: intake is slower than the surge. */
const POSTS_AT_ONCE = 16;

/**
 * Raises the events of uploads at a steady rate, each until it is acknowledged. By the clock: what was due while this
 * process was busy is raised with the next tick. Throws like `post`.
 */
export async function raiseEvents(uploads: readonly QuietUpload[], options: RaiseOptions): Promise<void> {
  const { perSecond, signal } = options;
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  // Each post listens: Node would warn of a leak at the eleventh.
  setMaxListeners(POSTS_AT_ONCE, either);
  const posts = new Set<Promise<void>>();
  const startedAt = performance.now();
  let raised = 0;
  while (raised < uploads.length) {
    either.throwIfAborted();
    const due = Math.min(uploads.length, Math.ceil(((performance.now() - startedAt) / 1000) * perSecond));
    while (raised < due && posts.size < POSTS_AT_ONCE) {
      const events = uploads.slice(raised, Math.min(due, raised + EVENTS_AT_ONCE));
      raised += events.length;
      const posted = raise(events, options, either)
        .catch((error: unknown) => failed.abort(error))
        .finally(() => posts.delete(posted));
      posts.add(posted);
    }
    await sleep(TICK_MS);
  }
  await Promise.all(posts);
  either.throwIfAborted();
}

async function raise(
  uploads: readonly QuietUpload[],
  { intake, token, sending }: RaiseOptions,
  signal: AbortSignal,
): Promise<void> {
  const request = batchRequest(uploads.map(({ resource }) => ({ resource, id: randomUUID() })));
  const credentials = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { retries } = await post(intake, { ...request, headers: { ...request.headers, ...credentials } }, signal);
  sending.retried += retries;
  sending.events += uploads.length;
  for (const { picture, resource } of uploads) {
    sending.images.push({
      picture,
      object: resource.name,
      generation: resource.generation,
      uploadedAtMs: Date.parse(resource.timeCreated),
    });
  }
}
