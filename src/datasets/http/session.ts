import { durationMs } from '../manifest/words.js';
import { ask } from './ask.js';
import { systemClock } from './clock.js';
import { credentialsOf } from './credentials.js';
import { HttpSourceError } from './errors.js';
import { createGuard } from './guard.js';
import type { FetchOptions, Page, PagePosition } from './page.js';
import { extendByPage, firstTrail, nextOf } from './pagination.js';
import { createRedaction, type Redaction } from './redaction.js';
import { createRequests } from './requests.js';
import type { HttpSource } from './source.js';
import { hashOf } from './trail.js';
import { withTries } from './tries.js';
import { viewOf } from './view.js';
import { createWire } from './wire.js';

/** What fetches the pages of one source, over connections of its own. */
export interface Session {
  /** The page behind a position; the first one without. Throws as `fetchPages` does. */
  fetch(from: PagePosition | undefined): Promise<Page>;
  close(): void;
}

/** Longest time of one request that a manifest can ask for. */
const MOST_TIMEOUT_MS = 600_000;

export function openSession(source: HttpSource, options: FetchOptions): Session {
  const { format, variables, pace, signal, log, clock = systemClock } = options;
  const { pagination, method, maxPages, requestsPerSecond: perSecond } = source;
  const credentials = credentialsOf(source.auth, options.secrets);
  const redaction = createRedaction(credentials, source);
  const requests = createRequests(source, { credentials, format, variables });
  const guard = createGuard(options.allowPrivate, options.resolve);
  const wire = createWire({ guard, timeoutMs: Math.min(MOST_TIMEOUT_MS, durationMs(source.timeout)) });
  const asking = { wire, pace, requests, method, perSecond, clock, signal };

  /** Asks for a page until it is whole. */
  const whole = (address: URL, name: string) =>
    withTries(
      async (spend) => {
        const { answer, url } = await ask(address, asking, spend);
        return { body: answer.body, headers: answer.headers, url, view: viewOf(answer, source, format, redaction) };
      },
      {
        clock,
        signal,
        onRetry: ({ error, tries, waitMs }) =>
          log?.warn({ detail: told(error, name, redaction).message, tries, waitMs }, 'a page is asked for again'),
      },
    );

  const fetch = async (url: URL, number: number, name: string, from: PagePosition | undefined): Promise<Page> => {
    if (number > maxPages)
      throw new HttpSourceError('limit', `source.maxPages is ${maxPages}, and there are more pages`);
    const { view, body, ...answer } = await whole(url, name);
    const page = { number, source: name, body, sha256: hashOf(body), records: view.records };
    const next = nextOf(pagination, { view, ...answer, asked: from?.next }, requests.toLink);
    if (next === undefined) return { ...page, next };
    if (redaction.holdsSecret(next))
      throw new HttpSourceError('refused', 'what leads to the next page holds the secret, and would be stored');
    const trail = from?.seen ?? firstTrail(pagination, url);
    return { ...page, next: { page: number, next, seen: extendByPage(trail, { pagination, number, view, next }) } };
  };

  return {
    close: () => wire.close(),
    fetch: async (from) => {
      const number = (from?.page ?? 0) + 1;
      const url = requests.urlOf(from?.next);
      const name = redaction.address(url, number);
      try {
        return await fetch(url, number, name, from);
      } catch (error) {
        throw error instanceof HttpSourceError ? told(error, name, redaction) : error;
      }
    },
  };
}

/** The error as it leaves: with where it was, and without what is secret. */
function told(
  { kind, message, retryable, retryAfterMs }: HttpSourceError,
  name: string,
  redaction: Redaction,
): HttpSourceError {
  return new HttpSourceError(kind, redaction.scrub(`${name}: ${message}`), { retryable, retryAfterMs });
}
