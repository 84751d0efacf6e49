import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ConsoleLogin } from '../config/index.js';

/** Name of the cookie. */
export const SESSION_COOKIE = 'penstock_session';
/** Longest session; milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

/**
 * A session is a signed cookie: any console that knows the login reads it, and none keeps a list. It is signed by a key
 * made of the login's token: a token that is taken out of the configuration ends its sessions.
 */
export function sealSession({ name, token }: ConsoleLogin, nowMs: number): string {
  const body = Buffer.from(JSON.stringify({ name, until: nowMs + SESSION_MS })).toString('base64url');
  return `${body}.${sign(body, token).toString('base64url')}`;
}

/** The login that the session is of; undefined for one that has ended or that nobody here has signed. */
export function openSession(session: string, logins: readonly ConsoleLogin[], nowMs: number): ConsoleLogin | undefined {
  const [body = '', signature = ''] = session.split('.');
  const given = Buffer.from(signature, 'base64url');
  const login = logins.find(({ token }) => isSame(sign(body, token), given));
  if (login === undefined) return undefined;
  // Signed here: it is what was sealed.
  const { name, until } = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Record<string, unknown>;
  return name === login.name && typeof until === 'number' && until > nowMs ? login : undefined;
}

/** The login of a token. All are compared, in constant time. */
export function loginOf(token: string, logins: readonly ConsoleLogin[]): ConsoleLogin | undefined {
  const hash = sha256(token);
  return logins.filter((login) => timingSafeEqual(sha256(login.token), hash))[0];
}

function sign(body: string, token: string): Buffer {
  return createHmac('sha256', sha256(`penstock console session ${token}`))
    .update(body)
    .digest();
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
