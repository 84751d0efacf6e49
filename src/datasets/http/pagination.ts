import { HttpSourceError } from './errors.js';
import { findAt } from './json.js';
import { nextOfLinkHeader } from './linkHeader.js';
import type { HttpSource } from './source.js';
import { extendTrail, hashOf, type Trail } from './trail.js';
import type { PageView } from './view.js';
import type { Answer } from './wire.js';

/** What says where the next page is: a page as it came, and how it was asked for. */
export interface PageInHand {
  view: PageView;
  headers: Answer['headers'];
  /** Of the answer, behind all redirects. */
  url: URL;
  /** What led here; undefined for the first page. */
  asked: string | undefined;
}

/** Where a link on a page from this address leads. Throws HttpSourceError where it is not followed. */
export type ToLink = (link: string, from: URL) => URL;

/** So much of a link or a cursor fits into a heartbeat. */
const MOST_NEXT_BYTES = 3_000;

/** The parameters of pagination in the address of a page. `next` is undefined for the first. */
export function paginate(url: URL, pagination: HttpSource['pagination'], next: string | undefined): void {
  if (pagination.type === 'none') return;
  if (pagination.sizeParameter !== undefined) url.searchParams.set(pagination.sizeParameter, String(pagination.size));
  if (pagination.type === 'page') url.searchParams.set(pagination.parameter, next ?? String(pagination.first));
  if (pagination.type === 'offset') url.searchParams.set(pagination.parameter, next ?? '0');
  if (pagination.type === 'cursor' && next !== undefined) url.searchParams.set(pagination.parameter, next);
}

/**
 * What leads to the next page: a number, a cursor, or an address. Undefined at the end, which is
 *
 * - for page and offset an empty page, and never a short one: APIs cap the size that they are asked for, or filter late;
 * - for cursors and links that there is none: missing, null, false, empty, or 0. An empty page with one goes on, since some
 *   APIs filter behind the cut, unless it leads to itself.
 *
 * An offset grows by the records that came, so that an API that gives fewer than asked for loses none; by `size` where
 * they are not counted, as in CSV.
 */
export function nextOf(pagination: HttpSource['pagination'], page: PageInHand, toLink: ToLink): string | undefined {
  const { view, asked } = page;
  switch (pagination.type) {
    case 'none':
      return undefined;
    case 'page':
      return view.isEmpty ? undefined : String(Number(asked ?? pagination.first) + 1);
    case 'offset':
      return view.isEmpty ? undefined : String(Number(asked ?? 0) + (view.records ?? pagination.size));
    case 'cursor':
      return bounded(textAt(view, pagination.next), page);
    case 'next-link':
      return bounded(addressOf(textAt(view, pagination.next), page, toLink), page);
    case 'link-header':
      return bounded(addressOf(nextOfLinkHeader(page.headers['link']?.toString()), page, toLink), page);
  }
}

/**
 * The trail with this page. Throws HttpSourceError `loop`: where a cursor or a link leads to a page that was there, or, for
 * page and offset, where the same records come as on an earlier page.
 */
export function extendByPage(
  trail: Trail,
  {
    pagination,
    number,
    view,
    next,
  }: { pagination: HttpSource['pagination']; number: number; view: PageView; next: string },
): string[] {
  const isByContent = pagination.type === 'page' || pagination.type === 'offset';
  const extended = extendTrail(trail, isByContent ? view.mark : hashOf(next), number);
  if ('trail' in extended) return extended.trail;
  throw new HttpSourceError(
    'loop',
    isByContent
      ? `page ${number} has the records of page ${extended.repeats} again: does the API know ${pagination.parameter}?`
      : `page ${number} leads to page ${extended.repeats + 1} again`,
  );
}

/** The trail before the first page: its address is the first that a link may lead back to. */
export function firstTrail(pagination: HttpSource['pagination'], url: URL): string[] {
  if (pagination.type !== 'next-link' && pagination.type !== 'link-header') return [];
  const extended = extendTrail([], hashOf(url.href), 0);
  return 'trail' in extended ? extended.trail : [];
}

/** A cursor or a link in JSON. A number as it is written: one of more than 15 digits would be rounded. */
function textAt({ json }: PageView, path: string): string | undefined {
  const found = json && findAt(json, path);
  if (found === undefined) return undefined;
  const { value, raw } = found;
  if (value === null || value === false || value === '' || value === 0) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return raw;
  throw new HttpSourceError('answer', `at ${path} there is neither a text nor a number nor nothing`);
}

function addressOf(link: string | undefined, { url }: PageInHand, toLink: ToLink): string | undefined {
  return link === undefined ? undefined : toLink(link, url).href;
}

function bounded(next: string | undefined, { view, asked }: PageInHand): string | undefined {
  if (next === undefined || (view.isEmpty && next === asked)) return undefined;
  if (Buffer.byteLength(JSON.stringify(next)) > MOST_NEXT_BYTES)
    throw new HttpSourceError('limit', `what leads to the next page has more than ${MOST_NEXT_BYTES} bytes`);
  return next;
}
