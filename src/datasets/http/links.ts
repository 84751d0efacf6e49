import { HttpSourceError } from './errors.js';

/** True where what belongs to the first may be shown to the second: the same host and port, and not without TLS where that had it. */
export function isSameHost(first: URL, second: URL): boolean {
  const isLess = first.protocol === 'https:' && second.protocol !== 'https:';
  return first.hostname === second.hostname && first.port === second.port && !isLess;
}

/**
 * Where a link to the next page leads, resolved against the page that had it. Throws HttpSourceError `refused` for another
 * host: the next page would have to be asked for without the secret, or the secret be shown to whom an answer names.
 * A link of the same host to http is taken as https where the source is: APIs behind a proxy that ends TLS write it so.
 */
export function followLink(link: string, from: URL, source: URL): URL {
  const url = parse(link, from);
  if (url.hostname === source.hostname && url.port === '' && source.protocol === 'https:' && url.protocol === 'http:') {
    url.protocol = 'https:';
    url.port = source.port;
  }
  if (!isSameHost(source, url))
    throw new HttpSourceError(
      'refused',
      `the link to the next page leads to ${url.origin}, and source.url to ${source.origin}: links are followed on one host`,
    );
  return url;
}

/** Where a redirect leads. Throws HttpSourceError: `answer` for none, `refused` from https to http. */
export function followRedirect(location: string | undefined, from: URL): URL {
  if (location === undefined) throw new HttpSourceError('answer', 'a redirect that does not say where to');
  const url = parse(location, from);
  if (from.protocol === 'https:' && url.protocol !== 'https:')
    throw new HttpSourceError('refused', `redirected from https to ${url.origin}, where anyone could read along`);
  return url;
}

function parse(link: string, from: URL): URL {
  if (!URL.canParse(link, from.href)) throw new HttpSourceError('answer', 'a link that is no address');
  const url = new URL(link, from);
  if (!/^https?:$/.test(url.protocol))
    throw new HttpSourceError('refused', `a link to ${url.protocol}, where only http and https are followed`);
  if (url.username !== '' || url.password !== '') throw new HttpSourceError('refused', 'a link with a login');
  url.hash = '';
  return url;
}
