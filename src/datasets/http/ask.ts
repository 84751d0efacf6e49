import type { Clock } from './clock.js';
import { HttpSourceError } from './errors.js';
import { followRedirect, isSameHost } from './links.js';
import type { HostPace } from './pace.js';
import type { Requests } from './requests.js';
import type { Answer, Wire } from './wire.js';

/** What asking needs. */
export interface AskOptions {
  wire: Wire;
  pace: HostPace;
  requests: Requests;
  method: 'GET' | 'POST';
  perSecond: number;
  clock: Clock;
  signal: AbortSignal;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Redirects that keep the method and the body of a request. */
const KEEPING: readonly number[] = [307, 308];
const MOST_REDIRECTS = 5;

/**
 * Asks once, at a turn of the host, and follows up to five redirects, each at a turn of its own host. From the first
 * redirect to another host on, nothing of the manifest but the address is sent: no secret, no header.
 *
 * A POST is redirected within its host alone, by 307 and 308: to any other it would become a GET, or show its body, and the
 * records would be others than those that were asked for.
 *
 * @param spend is told the milliseconds of each request, without the wait for its turn
 */
export async function ask(
  first: URL,
  { wire, pace, requests, method, perSecond, clock, signal }: AskOptions,
  spend: (ms: number) => void,
): Promise<{ answer: Answer; url: URL }> {
  let url = first;
  let isTrusted = true;
  for (let redirects = 0; ; redirects += 1) {
    await pace.take(url.host, perSecond, signal);
    const began = clock.now();
    const answer = await wire
      .send(requests.requestTo(url, isTrusted), signal)
      .finally(() => spend(clock.now() - began));
    if (!REDIRECTS.includes(answer.status)) return { answer, url };
    if (redirects === MOST_REDIRECTS) throw new HttpSourceError('limit', `more than ${MOST_REDIRECTS} redirects`);
    const target = followRedirect(answer.headers.location, url);
    isTrusted &&= isSameHost(url, target);
    if (method === 'POST' && !(isTrusted && KEEPING.includes(answer.status)))
      throw new HttpSourceError('refused', `a POST was redirected with ${answer.status} to ${target.origin}`);
    url = target;
  }
}
