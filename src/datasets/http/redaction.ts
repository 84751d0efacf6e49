import type { Credentials } from './credentials.js';
import type { HttpSource } from './source.js';

/** Values of parameters with such names are in no message and no stored address. */
const SECRET_PARAMETER = /token|key|sig|secret|passw|pwd|auth|credential|session|jwt/i;
const HIDDEN = '***';
/** A shorter text is in many others by chance. */
const LEAST_SECRET = 8;
/** Of an answer that a message shows. */
const MOST_EXCERPT = 300;
/** Looked at for that: what is hidden makes it shorter. */
const EXCERPT_BYTES = 16_384;
const MOST_ADDRESS = 500;

/** Keeps what is secret out of whatever leaves this folder. */
export interface Redaction {
  /** Without the secrets, in any form that an answer or an address may write them. */
  scrub(text: string): string;
  /** True where a text that will be stored holds what proves who asks. */
  holdsSecret(text: string): boolean;
  /** Beginning of an answer, on one line. */
  excerpt(body: Buffer): string;
  /** Name of a page: its address without anything secret, at most 500 characters, with `#page=3` at its end. */
  address(url: URL, page: number): string;
}

/** @param credentials of which addresses leave out the query parameter altogether */
export function createRedaction(credentials: Pick<Credentials, 'secrets' | 'query'>, source: HttpSource): Redaction {
  const secret = formsOf(credentials.secrets);
  const hidden = formsOf([...credentials.secrets, ...secretsByName(source)]);
  const scrub = (text: string): string => hidden.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
  return {
    scrub,
    holdsSecret: (text) => secret.some((form) => form.length >= LEAST_SECRET && text.includes(form)),
    excerpt: (body) => {
      const text = body.subarray(0, EXCERPT_BYTES).toString('utf8');
      // A secret that the end cuts in two would not be known.
      const whole = body.length > EXCERPT_BYTES ? text.slice(0, -(hidden[0]?.length ?? 1)) : text;
      return scrub(whole)
        .replaceAll(/[\s\p{Cc}]+/gu, ' ')
        .trim()
        .slice(0, MOST_EXCERPT);
    },
    address: (url, page) => {
      const shown = new URL(url);
      shown.username = '';
      shown.password = '';
      if (credentials.query) shown.searchParams.delete(credentials.query.parameter);
      for (const name of new Set(shown.searchParams.keys()))
        if (SECRET_PARAMETER.test(name)) shown.searchParams.set(name, HIDDEN);
      shown.hash = '';
      const end = `#page=${page}`;
      return scrub(shown.href).slice(0, MOST_ADDRESS - end.length) + end;
    },
  };
}

/** What a manifest has in its address, its parameters and its headers that is secret by its name. */
function secretsByName({ url, query = {}, headers = {} }: HttpSource): string[] {
  const named = [...new URL(url).searchParams, ...Object.entries(query), ...Object.entries(headers)];
  const values = named.flatMap(([name, value]) => (SECRET_PARAMETER.test(name) ? [String(value)] : []));
  return values.filter((value) => value.length >= LEAST_SECRET);
}

/** The longest first: one secret may be a part of another. */
function formsOf(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
    Buffer.from(secret, 'utf8').toString('base64'),
  ]);
  return [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length);
}
