import type { DatasetFormat } from '../manifest/format.js';
import { ACCEPTED_CODINGS } from './body.js';
import type { Credentials } from './credentials.js';
import { HttpSourceError } from './errors.js';
import { followLink } from './links.js';
import { paginate, type ToLink } from './pagination.js';
import type { HttpSource } from './source.js';
import { fill, fillAll, type PageVariables } from './template.js';
import type { WireRequest } from './wire.js';

/** The requests of a source. */
export interface Requests {
  /** Address of a page, without what proves who asks; of the first page without `next`. */
  urlOf(next: string | undefined): URL;
  /** Where a link on a page from this address leads: on the source's host, and without what proves who asks. */
  toLink: ToLink;
  /** The request to an address. Only one that is trusted gets the headers of the manifest and what proves who asks. */
  requestTo(url: URL, isTrusted: boolean): WireRequest;
}

/** Headers that say how the request itself is sent, and to whom. */
const OWN_HEADER =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-length|accept-encoding)$/;
const ACCEPT: Readonly<Record<DatasetFormat['type'], string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson, application/json;q=0.9, */*;q=0.5',
  csv: 'text/csv, */*;q=0.5',
  tsv: 'text/tab-separated-values, */*;q=0.5',
  parquet: '*/*',
};

/**
 * Fills in what the run is for. Parameters of `query` take the place of those in `url` that have their names; the
 * parameters of pagination take the place of both. Throws HttpSourceError `refused` where the manifest can't be followed.
 */
export function createRequests(
  source: HttpSource,
  options: { credentials: Credentials; format: DatasetFormat; variables: PageVariables },
): Requests {
  const { method, pagination, query = {} } = source;
  const { credentials, variables } = options;
  const first = new URL(fill(source.url, variables, 'url', encodeURIComponent));
  first.hash = '';
  for (const [name, value] of Object.entries(query))
    first.searchParams.set(name, fill(String(value), variables, `query.${name}`));
  const body = source.body === undefined ? undefined : JSON.stringify(fillAll(source.body, variables, 'body'));
  const own = {
    accept: ACCEPT[options.format.type],
    'accept-encoding': ACCEPTED_CODINGS,
    'user-agent': 'penstock',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const trusted = { ...own, ...headersOf(source), ...credentials.headers };
  const isByLink = pagination.type === 'next-link' || pagination.type === 'link-header';
  const toLink: ToLink = (link, from) => {
    const url = followLink(link, from, first);
    const { parameter } = credentials.query ?? {};
    if (parameter !== undefined && url.searchParams.has(parameter)) url.searchParams.delete(parameter);
    return url;
  };
  return {
    toLink,
    urlOf: (next) => {
      if (isByLink && next !== undefined) return toLink(next, first);
      const url = new URL(first);
      paginate(url, pagination, next);
      return url;
    },
    requestTo: (url, isTrusted) => {
      if (!isTrusted) return { url, method: 'GET', headers: own };
      const addressed = new URL(url);
      if (credentials.query) addressed.searchParams.set(credentials.query.parameter, credentials.query.value);
      return { url: addressed, method, headers: trusted, body };
    },
  };
}

function headersOf({ headers = {} }: HttpSource): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const lower = name.toLowerCase();
      if (OWN_HEADER.test(lower))
        throw new HttpSourceError(
          'refused',
          `source.headers.${name}: how a request is sent is not the manifest's to say`,
        );
      if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
        throw new HttpSourceError('refused', `source.headers.${name}: has characters that no header has`);
      return [lower, value];
    }),
  );
}
