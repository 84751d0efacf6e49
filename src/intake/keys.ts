import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey, ApiScope } from '../config/index.js';
import { Refusal } from './refusal.js';

/** What a key may use of what its scope is about: buckets, or datasets. */
export interface Grant {
  /** Their names; undefined: all there are. */
  names: readonly string[] | undefined;
  has: (name: string) => boolean;
}

const EVERYTHING: Grant = { names: undefined, has: () => true };

/**
 * Checks `Authorization` for a key of a scope; throws Refusal where there is none. Hashes are compared, all of them, in
 * constant time, as in bearerTokens.ts. Without any configured key everybody may do everything.
 */
export function createKeyCheck(keys: readonly ApiKey[], scope: ApiScope): (authorization: string | undefined) => Grant {
  const known = keys.map((key) => ({ ...key, hash: sha256(key.token) }));
  return (authorization) => {
    if (known.length === 0) return EVERYTHING;
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Refusal('unauthorized', 'this needs a key: Authorization: Bearer …');
    const hash = sha256(token);
    const own = known.filter((key) => timingSafeEqual(key.hash, hash));
    if (own.length === 0) throw new Refusal('unauthorized', 'no such key');
    const scoped = own.filter((key) => key.scope === scope);
    if (scoped.length === 0) throw new Refusal('forbidden', `the key does not have the scope ${scope}`);
    const names = scoped.flatMap(({ only }) => only ?? []);
    return names.length < scoped.length ? EVERYTHING : { names, has: (name) => names.includes(name) };
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
