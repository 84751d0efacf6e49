import { createRemoteJWKSet, jwtVerify } from 'jose';
import { ConfigError, type Config, type ConsoleRole } from '../config/index.js';
import { isLoopback } from '../service/index.js';
import { reasonOf } from '../telemetry/index.js';
import { ConsoleError } from './errors.js';
import { loginOf, openSession, SESSION_COOKIE } from './session.js';

/** Who asks, and what they may do. */
export interface Person {
  /** Kept with what they decide. */
  name: string;
  role: ConsoleRole;
  /** `cookie` and `proxy` come with every request of a browser, also with those that another site has it make. */
  by: 'cookie' | 'key' | 'proxy' | 'loopback';
}

/** What is asked with; names of headers are in lower case. */
export interface Asked {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A header that a page of another site can't send without being allowed to, and nothing here allows it. */
export const CONSOLE_HEADER = 'x-penstock-console';

export interface Access {
  /** Throws ConsoleError where nobody is logged in, or where another site may have made the browser ask. */
  person(asked: Asked): Promise<Person>;
  /** How people log in. */
  readonly login: 'token' | 'proxy' | 'none';
}

type AccessConfig = Pick<
  Config,
  | 'PENSTOCK_HTTP_HOST'
  | 'PENSTOCK_CONSOLE_LOGINS'
  | 'PENSTOCK_CONSOLE_PROXY_AUDIENCE'
  | 'PENSTOCK_CONSOLE_PROXY_HEADER'
  | 'PENSTOCK_CONSOLE_PROXY_ISSUER'
  | 'PENSTOCK_CONSOLE_PROXY_JWKS_URL'
  | 'PENSTOCK_CONSOLE_OPERATORS'
>;

const ALGORITHMS = ['ES256', 'RS256'];
const CLOCK_TOLERANCE_S = 30;
/** What proxies add to what they pass on. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/**
 * Who may use the console: by a session or a key of PENSTOCK_CONSOLE_LOGINS, or by the signed header of a proxy. Throws
 * ConfigError where neither is configured and it would listen to more than this machine.
 */
export function createAccess(config: AccessConfig, now: () => number = Date.now): Access {
  const logins = config.PENSTOCK_CONSOLE_LOGINS;
  const proxy = proxyCheck(config);
  if (logins.length === 0 && proxy === undefined) {
    if (!isLoopback(config.PENSTOCK_HTTP_HOST))
      throw new ConfigError(
        `the console would let anybody in on ${config.PENSTOCK_HTTP_HOST}: set PENSTOCK_CONSOLE_LOGINS or PENSTOCK_CONSOLE_PROXY_AUDIENCE, or PENSTOCK_HTTP_HOST to a loopback address`,
      );
    return { login: 'none', person: async (asked) => Promise.resolve(onLoopback(asked)) };
  }
  const byToken = ({ headers }: Asked): Person | undefined => {
    const key = /^Bearer +([\w.~+/=-]+)$/i.exec(text(headers['authorization']))?.[1];
    const login = key === undefined ? undefined : loginOf(key, logins);
    if (login) return { name: login.name, role: login.role, by: 'key' };
    const session = cookieOf(text(headers['cookie']), SESSION_COOKIE);
    const of = session === undefined ? undefined : openSession(session, logins, now());
    return of && { name: of.name, role: of.role, by: 'cookie' };
  };
  return {
    login: logins.length > 0 ? 'token' : 'proxy',
    person: async (asked) => {
      const person = byToken(asked) ?? (await proxy?.(asked));
      if (person === undefined) throw new ConsoleError(401, 'log in first');
      if (person.by !== 'key') refuseOtherSites(asked);
      return person;
    },
  };
}

/** Requests that change something must come from the console's own page. */
function refuseOtherSites({ method, headers }: Asked): void {
  if (method === 'GET' || method === 'HEAD') return;
  const site = text(headers['sec-fetch-site']);
  if (headers[CONSOLE_HEADER] === undefined || (site !== '' && site !== 'same-origin'))
    throw new ConsoleError(403, `only the console's own page may do this; a program sends ${CONSOLE_HEADER}: 1`);
}

/**
 * A name of another site that leads to this machine would make its pages those of this one, and a proxy on this machine
 * would let in whoever comes to it.
 */
function onLoopback(asked: Asked): Person {
  if (!isHere(text(asked.headers['host'])))
    throw new ConsoleError(403, 'without logins the console answers on loopback only');
  const forwarded = FORWARDED.find((name) => asked.headers[name] !== undefined);
  if (forwarded !== undefined)
    throw new ConsoleError(
      403,
      `without logins the console answers no proxy, and ${forwarded} tells of one: set PENSTOCK_CONSOLE_LOGINS or PENSTOCK_CONSOLE_PROXY_AUDIENCE`,
    );
  if (isOfOtherSite(asked))
    throw new ConsoleError(403, 'without logins the console answers pages of this machine only');
  refuseOtherSites(asked);
  return { name: 'console@loopback', role: 'operator', by: 'loopback' };
}

/** A host of this machine, with or without a port. */
function isHere(authority: string): boolean {
  const host = /^(?:\[(.+)\]|([^:]+))(?::\d+)?$/.exec(authority);
  return isLoopback(host?.[1] ?? host?.[2] ?? '');
}

/** Browsers may hide the origin from a page of the same one too: then they say that it is. */
function isOfOtherSite({ headers }: Asked): boolean {
  const origin = text(headers['origin']);
  if (origin === '') return false;
  if (origin === 'null') return text(headers['sec-fetch-site']) !== 'same-origin';
  return !isHere(/^https?:\/\/(.+)$/.exec(origin)?.[1] ?? '');
}

/** https://cloud.google.com/iap/docs/signed-headers-howto */
function proxyCheck(config: AccessConfig): ((asked: Asked) => Promise<Person | undefined>) | undefined {
  const audience = config.PENSTOCK_CONSOLE_PROXY_AUDIENCE;
  if (audience === undefined) return undefined;
  const keys = createRemoteJWKSet(new URL(config.PENSTOCK_CONSOLE_PROXY_JWKS_URL), { cacheMaxAge: 600_000 });
  const operators: ReadonlySet<string> = new Set(config.PENSTOCK_CONSOLE_OPERATORS);
  const claims = { issuer: config.PENSTOCK_CONSOLE_PROXY_ISSUER, audience, requiredClaims: ['exp', 'email'] };
  return async ({ headers }) => {
    const token = text(headers[config.PENSTOCK_CONSOLE_PROXY_HEADER]);
    if (token === '') return undefined;
    const verified = await jwtVerify(token, keys, {
      ...claims,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
    }).catch((error: unknown) => {
      throw new ConsoleError(401, `the token of the proxy is not good: ${reasonOf(error)}`);
    });
    const email = String(verified.payload['email']).slice(0, 200);
    return { name: email, role: operators.has(email) ? 'operator' : 'viewer', by: 'proxy' };
  };
}

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.[0] ?? '');
}

function cookieOf(header: string, name: string): string | undefined {
  const found = header.split(';').find((pair) => pair.trim().startsWith(`${name}=`));
  return found?.trim().slice(name.length + 1);
}
