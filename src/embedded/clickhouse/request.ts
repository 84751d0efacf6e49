import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { exception } from './exceptions.js';

/** A request as its URL and headers say it; the body is read later. */
export interface QueryRequest {
  /** `?query=`; the body follows it after a line feed, as in ClickHouse. */
  query: string | undefined;
  database: string | undefined;
  defaultFormat: string;
  queryId: string | undefined;
  /** Settings and `param_x`, in the order of the URL. */
  settings: Map<string, string>;
  /** The response is held back until the query has ended, so that status and summary are final. */
  waitEndOfQuery: boolean;
  compressResponse: boolean;
}

export interface Account {
  user: string;
  password: string;
}

/** URL parameters that are no settings. Those that change the meaning of a request are refused, not ignored. */
const IGNORED = new Set(['buffer_size', 'quota_key', 'stacktrace', 'close_session']);
const UNSUPPORTED = new Set(['session_id', 'session_timeout', 'session_check', 'compress', 'decompress', 'role']);

export function parseRequest(request: IncomingMessage, url: URL): QueryRequest {
  const header = (name: string): string | undefined => textOf(request.headers[name]);
  const settings = new Map<string, string>();
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (KNOWN.has(name)) given.set(name, value);
    else if (UNSUPPORTED.has(name) && value !== '' && value !== '0')
      throw exception(48, 'NOT_IMPLEMENTED', `The embedded server does not support the URL parameter '${name}'`);
    else if (!IGNORED.has(name) && !UNSUPPORTED.has(name)) settings.set(name, value);
  }
  // As in ClickHouse, GET is read-only, so that a link can't change anything.
  if (request.method !== 'POST') settings.set('readonly', '2');
  return {
    query: given.get('query'),
    database: given.get('database') ?? header('x-clickhouse-database'),
    defaultFormat: given.get('default_format') ?? header('x-clickhouse-format') ?? 'TabSeparated',
    queryId: given.get('query_id') ?? header('x-clickhouse-query-id'),
    settings,
    waitEndOfQuery: given.get('wait_end_of_query') === '1',
    compressResponse:
      settings.get('enable_http_compression') === '1' && /\bgzip\b/.test(header('accept-encoding') ?? ''),
  };
}

const KNOWN = new Set(['query', 'database', 'default_format', 'query_id', 'wait_end_of_query', 'user', 'password']);

/**
 * Checks user and password from X-ClickHouse-User/-Key, basic authentication or the URL; throws as ClickHouse does: 194
 * (401) when a password is needed and nothing was given, 516 (403) when it is wrong.
 */
export function authenticate(request: IncomingMessage, url: URL, account: Account): void {
  const headerUser = textOf(request.headers['x-clickhouse-user']);
  const headerKey = textOf(request.headers['x-clickhouse-key']);
  const authorization = textOf(request.headers.authorization);
  const ways = [
    headerUser !== undefined || headerKey !== undefined,
    authorization !== undefined,
    url.searchParams.has('user') || url.searchParams.has('password'),
  ].filter(Boolean).length;
  if (ways > 1)
    throw exception(516, 'AUTHENTICATION_FAILED', 'Invalid authentication: more than one method was used at once');
  const offered =
    authorization !== undefined
      ? basicCredentials(authorization)
      : {
          user: headerUser ?? url.searchParams.get('user') ?? 'default',
          password: headerKey ?? url.searchParams.get('password') ?? '',
        };
  if (same(offered.user, account.user) && same(offered.password, account.password)) return;
  const message = `${offered.user}: Authentication failed: password is incorrect, or there is no user with such name`;
  if (ways === 0) throw exception(194, 'REQUIRED_PASSWORD', message);
  throw exception(516, 'AUTHENTICATION_FAILED', message);
}

function basicCredentials(authorization: string): Account {
  const [scheme = '', encoded = ''] = authorization.split(' ');
  if (scheme.toLowerCase() !== 'basic')
    throw exception(516, 'AUTHENTICATION_FAILED', `Invalid authentication: '${scheme}' HTTP Authorization scheme`);
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon < 0
    ? { user: decoded, password: '' }
    : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function textOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  // Node reads header bytes as Latin-1; ClickHouse as UTF-8.
  return text === undefined ? undefined : Buffer.from(text, 'latin1').toString('utf8');
}
