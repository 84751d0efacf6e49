import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { HttpSource } from '../../src/datasets/http/index.js';
import { sendWith, type FaultPlan, type WholeAnswer } from './flakyFaults.js';

export { PASSING_FAULTS, seededFaults, type Fault, type FaultPlan } from './flakyFaults.js';

export type FlakyRecord = Readonly<Record<string, unknown>>;
export type FlakyPagination = HttpSource['pagination']['type'];
export type FlakyAuth =
  | { type: 'bearer'; value: string }
  | { type: 'basic'; user: string; value: string }
  | { type: 'header'; header: string; value: string }
  | { type: 'query'; parameter: string; value: string };

export interface FlakyApiOptions {
  /** In the order in which they are given out. */
  records: readonly FlakyRecord[];
  /** Default: page. */
  pagination?: FlakyPagination;
  /** Default: json. A list with pagination none, page, offset and link-header, else `{ data: { items }, meta, links }`. */
  format?: 'json' | 'ndjson' | 'csv';
  /** Records of a page, unless the parameter `limit` asks for another size. Default: 100. */
  pageSize?: number;
  /** A greater `limit` gives this: shorter pages than were asked for. Default: none. */
  mostPageSize?: number;
  /** Requests without it are answered with 401. */
  auth?: FlakyAuth;
  /** See FaultPlan. Default: none. */
  faults?: FaultPlan;
  /** The page with this number, from 1, is given out twice, one after the other; what follows moves on by a page. */
  repeatPage?: number;
  /** From this page on records have other fields. */
  change?: { fromPage: number; rename?: Readonly<Record<string, string>>; add?: FlakyRecord };
  /** Every answer takes so long. Default: 0. */
  slowMs?: number;
  /** Bodies are gzip, for those who accept it. Default: false. */
  gzip?: boolean;
  /** Cursors are whole numbers above 2^53 in JSON, which a double rounds. Default: texts. */
  bigCursor?: boolean;
  /** Only records of which the field is at least the parameter `since`, and below `until`, where they are asked for. */
  filterBy?: string;
  /** More requests than so many in any second are answered with 429. Default: no bound. */
  mostPerSecond?: number;
}

/** A request, as it came. */
export interface FlakyRequest {
  /** Milliseconds; only differences mean something. */
  at: number;
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** From 1. */
  page: number;
  /** What went wrong: the kind of a fault, `401`, or `429` of `mostPerSecond`. */
  fault: string | undefined;
}

/** An API that fails as APIs do. */
export interface FlakyApi {
  /** `http://127.0.0.1:<port>/records` */
  url: string;
  /** `127.0.0.1:<port>`, as `allowPrivate` and a pace name it. */
  host: string;
  /** The source of a manifest that reads all of it, with up to 1000 requests a second; its secret is named FLAKY_SECRET. */
  source: HttpSource;
  /** All requests so far, in order. */
  requests: readonly FlakyRequest[];
  /** Most requests within a window of so many milliseconds, wherever it lies. Default: a second. */
  highestRate(windowMs?: number): number;
  /** From now on these are its records. */
  replaceRecords(records: readonly FlakyRecord[]): void;
  close(): Promise<void>;
}

/** Name of the secret in `source`; its value is that of `auth`. */
export const FLAKY_SECRET = 'FLAKY_SECRET';
/** So a cursor of a number begins: a double can't hold the odd ones. */
const BIG_CURSOR = 9_007_199_254_740_993n;

/** Starts one on a free port of this machine. */
export async function startFlakyApi(options: FlakyApiOptions): Promise<FlakyApi> {
  const requests: FlakyRequest[] = [];
  const tries = new Map<number, number>();
  let { records } = options;
  const server = createServer((incoming, response) => {
    const at = performance.now();
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? 'localhost'}`);
      const cut = cutOf(url, records, options);
      const page = cut.page;
      const request = { at, method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, page };
      const note = (fault: string | undefined): void =>
        void requests.push({ ...request, body: Buffer.concat(chunks).toString('utf8'), fault });
      const recent = requests.filter((earlier) => earlier.at > at - 1_000).length;
      const echo = `${incoming.url ?? ''} ${JSON.stringify(incoming.headers)}`;
      const refuse = (status: number): void => {
        note(String(status));
        sendWith(
          { kind: 'status', status, retryAfterSeconds: 1 },
          response,
          { headers: {}, body: Buffer.alloc(0) },
          echo,
        );
      };
      if (!isKnown(incoming, url, options.auth)) {
        refuse(401);
        return;
      }
      if (recent >= (options.mostPerSecond ?? Infinity)) {
        refuse(429);
        return;
      }
      const tried = tries.get(page) ?? 0;
      tries.set(page, tried + 1);
      const fault = options.faults?.[page]?.[tried];
      note(fault?.kind);
      const answer = answerOf(cut, url, options, incoming.headers['accept-encoding'] ?? '');
      setTimeout(() => sendWith(fault, response, answer, echo), options.slowMs ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${host}/records`;
  return {
    url,
    host,
    source: sourceOf(url, options),
    requests,
    highestRate: (windowMs = 1_000) =>
      Math.max(0, ...requests.map(({ at }) => requests.filter((one) => one.at >= at && one.at < at + windowMs).length)),
    replaceRecords: (others) => {
      records = others;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a request gets of the records. */
interface Cut {
  page: number;
  records: readonly FlakyRecord[];
  size: number;
  /** Offset of the next page. */
  next: number | undefined;
}

function cutOf({ searchParams: asked }: URL, all: readonly FlakyRecord[], options: FlakyApiOptions): Cut {
  const { pagination = 'page', filterBy, repeatPage, pageSize = 100, mostPageSize = Infinity } = options;
  const since = asked.get('since') ?? '';
  const until = asked.get('until') ?? '';
  const isAsked = (value: string): boolean => value >= since && (until === '' || value < until);
  const found = filterBy === undefined ? all : all.filter((record) => isAsked(String(record[filterBy])));
  const size = pagination === 'none' ? Infinity : Math.min(mostPageSize, Number(asked.get('limit') ?? pageSize));
  const repeated = repeatPage === undefined ? [] : found.slice((repeatPage - 1) * size, repeatPage * size);
  const given = repeatPage === undefined ? found : found.toSpliced(repeatPage * size, 0, ...repeated);
  const offset = pagination === 'none' ? 0 : offsetOf(asked, pagination, size);
  const page = size === Infinity ? 1 : Math.floor(offset / size) + 1;
  const records = given.slice(offset, offset + size).map((record) => changed(record, page, options.change));
  return { page, records, size, next: offset + size < given.length ? offset + size : undefined };
}

function offsetOf(asked: URLSearchParams, pagination: FlakyPagination, size: number): number {
  if (pagination === 'page') return (Number(asked.get('page') ?? 1) - 1) * size;
  const cursor = asked.get('cursor');
  if (pagination === 'cursor') return cursor === null ? 0 : Number(BigInt(cursor.replace(/^after-/, '')) - BIG_CURSOR);
  return Number(asked.get('offset') ?? 0);
}

function changed(record: FlakyRecord, page: number, change: FlakyApiOptions['change']): FlakyRecord {
  if (change === undefined || page < change.fromPage) return record;
  const renamed = Object.entries(record).map(([name, value]): [string, unknown] => [
    change.rename?.[name] ?? name,
    value,
  ]);
  return { ...Object.fromEntries<unknown>(renamed), ...change.add };
}

function answerOf(cut: Cut, url: URL, options: FlakyApiOptions, accepted: string): WholeAnswer {
  const { pagination = 'page', format = 'json', gzip = false, bigCursor = false } = options;
  const link = new URL(url);
  if (cut.next !== undefined) link.searchParams.set('offset', String(cut.next));
  const cursor = cut.next === undefined ? undefined : BIG_CURSOR + BigInt(cut.next);
  // Put in as text: JSON.stringify has no number that is so great.
  const shown = cursor === undefined ? 'null' : bigCursor ? String(cursor) : `"after-${cursor}"`;
  const next = cut.next === undefined ? null : link.href;
  const text = textOf(cut.records, format, options.records[0]);
  const isWrapped = pagination === 'cursor' || pagination === 'next-link';
  const body = Buffer.from(
    isWrapped && format === 'json'
      ? `{"meta":{"next":${shown}},"links":${JSON.stringify({ next })},"data":{"items":${text}}}`
      : text,
  );
  const isPacked = gzip && accepted.includes('gzip');
  return {
    headers: {
      'content-type': { json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv' }[format],
      ...(pagination === 'link-header' && next !== null ? { link: `<${next}>; rel="next"` } : {}),
      ...(isPacked ? { 'content-encoding': 'gzip' } : {}),
    },
    body: isPacked ? gzipSync(body) : body,
  };
}

/** CSV has the fields of the page's first record, else of `like`; texts in quotes. */
function textOf(records: readonly FlakyRecord[], format: 'json' | 'ndjson' | 'csv', like: FlakyRecord = {}): string {
  if (format === 'json') return JSON.stringify(records);
  if (format === 'ndjson') return records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const names = Object.keys(records[0] ?? like);
  const quote = (value: unknown): string => {
    if (value === null || value === undefined) return '';
    return typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : JSON.stringify(value);
  };
  return [names, ...records.map((record) => names.map((name) => record[name]))]
    .map((row) => `${row.map(quote).join(',')}\n`)
    .join('');
}

function isKnown({ headers }: IncomingMessage, { searchParams }: URL, auth: FlakyAuth | undefined): boolean {
  switch (auth?.type) {
    case undefined:
      return true;
    case 'bearer':
      return headers.authorization === `Bearer ${auth.value}`;
    case 'basic':
      return headers.authorization === `Basic ${Buffer.from(`${auth.user}:${auth.value}`).toString('base64')}`;
    case 'header':
      return headers[auth.header.toLowerCase()] === auth.value;
    case 'query':
      return searchParams.get(auth.parameter) === auth.value;
  }
}

function sourceOf(
  url: string,
  { pagination = 'page', format = 'json', pageSize = 100, auth }: FlakyApiOptions,
): HttpSource {
  const size = { size: pageSize, sizeParameter: 'limit' };
  const paginations: Record<FlakyPagination, HttpSource['pagination']> = {
    none: { type: 'none' },
    page: { type: 'page', parameter: 'page', first: 1, ...size },
    offset: { type: 'offset', parameter: 'offset', ...size },
    cursor: { type: 'cursor', parameter: 'cursor', next: 'meta.next', ...size },
    'next-link': { type: 'next-link', next: 'links.next', ...size },
    'link-header': { type: 'link-header', ...size },
  };
  const isWrapped = format === 'json' && (pagination === 'cursor' || pagination === 'next-link');
  return {
    type: 'http',
    url,
    method: 'GET',
    pagination: paginations[pagination],
    maxPages: 10_000,
    ...(isWrapped ? { records: 'data.items' } : {}),
    ...(auth === undefined ? {} : { auth: authOf(auth) }),
    requestsPerSecond: 1_000,
    timeout: '30s',
  };
}

function authOf(auth: FlakyAuth): NonNullable<HttpSource['auth']> {
  const secret = FLAKY_SECRET;
  switch (auth.type) {
    case 'bearer':
      return { type: 'bearer', secret };
    case 'basic':
      return { type: 'basic', user: auth.user, secret };
    case 'header':
      return { type: 'header', header: auth.header, secret };
    case 'query':
      return { type: 'query', parameter: auth.parameter, secret };
  }
}
