import type { DatasetFormat } from '../manifest/format.js';
import { HttpSourceError, type HttpSourceErrorOptions } from './errors.js';
import { findAt, parseJson, type JsonAnswer } from './json.js';
import type { Redaction } from './redaction.js';
import type { HttpSource } from './source.js';
import { hashOf } from './trail.js';
import { PAGE_STATUS, type Answer } from './wire.js';

/** What can be seen of a page without reading its records. */
export interface PageView {
  /** Records of a list in JSON; 0 of an answer without a body. Undefined for other formats. */
  records: number | undefined;
  isEmpty: boolean;
  /** SHA-256 of its records as they are written: what is around them, like the time of the answer, may differ. */
  mark: string;
  json: JsonAnswer | undefined;
}

const NOTHING_STATUS: readonly number[] = [204, 205];
/** Statuses that pass: of the 4xx these, and all 5xx. */
const PASSING_STATUS: readonly number[] = [408, 425, 429];
/** A page of text that is longer is not looked at: it is not empty. */
const MOST_EMPTY_BYTES = 1_048_576;

/**
 * Looks at an answer. Throws HttpSourceError `answer` where it holds no page. That is retryable for a status that passes, and
 * for JSON that is none: a server or a proxy that gave up in the middle of an answer may have ended it in order.
 *
 * A list that is null is empty: so Go writes one. A list that is not there is an error, also on the last page: an error
 * that came with status 200 looks the same, and would end the run as if all had been read.
 */
export function viewOf(
  answer: Answer,
  { records: path }: HttpSource,
  format: DatasetFormat,
  redaction: Pick<Redaction, 'excerpt'>,
): PageView {
  const { status, body } = answer;
  if (NOTHING_STATUS.includes(status)) return { records: 0, isEmpty: true, mark: hashOf(''), json: undefined };
  const wrong = (what: string, options: HttpSourceErrorOptions = {}): HttpSourceError => {
    const said = redaction.excerpt(body);
    return new HttpSourceError('answer', `answered ${status}${what}${said === '' ? '' : `: ${said}`}`, options);
  };
  if (!PAGE_STATUS.includes(status)) throw wrong('', passingOf(answer));
  if (format.type !== 'json') return { ...viewOfText(body, format), json: undefined };
  const json = parseJson(body);
  if (json === undefined) throw wrong(' with no whole JSON', { retryable: true });
  const at = path ?? format.records;
  const list = findAt(json, at);
  if (list?.value !== null && !Array.isArray(list?.value))
    throw wrong(
      at === undefined ? ' with no list; source.records says where in it the list is' : ` with no list at ${at}`,
    );
  const records = list.value?.length ?? 0;
  return { records, isEmpty: records === 0, mark: hashOf(list.raw), json };
}

/** Nothing but lines without a record: blank ones, those that the manifest skips, and a header. */
function viewOfText(body: Buffer, format: DatasetFormat): Omit<PageView, 'json'> {
  const mark = hashOf(body);
  if (body.length > MOST_EMPTY_BYTES) return { records: undefined, isEmpty: false, mark };
  // What is a line or blank is the same in UTF-8, in Latin-1, and without the zero bytes in UTF-16.
  const text = body
    .toString('latin1')
    .replaceAll('\0', '')
    .replace(/^(?:\xEF\xBB\xBF|\xFE\xFF|\xFF\xFE)/, '');
  const isSeparated = format.type === 'csv' || format.type === 'tsv';
  const lines = text.split(/\r\n|\n|\r/).slice(isSeparated ? format.skip : 0);
  const filled = lines.filter((line) => line.trim() !== '').length;
  return { records: undefined, isEmpty: filled <= (isSeparated && format.header ? 1 : 0), mark };
}

function passingOf({ status, headers }: Answer): HttpSourceErrorOptions {
  const retryable = PASSING_STATUS.includes(status) || status >= 500;
  return { retryable, retryAfterMs: retryable ? retryAfter(headers['retry-after'], headers.date) : undefined };
}

/** Seconds, or a time, which counts from the time that the server gave its answer: its clock may be wrong. */
function retryAfter(value: string | undefined, answered: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
  const now = Date.parse(answered ?? '');
  const until = Date.parse(value) - (Number.isNaN(now) ? Date.now() : now);
  return Number.isNaN(until) ? undefined : Math.max(0, until);
}
