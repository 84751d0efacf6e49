import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../../config/index.js';
import { Refusal } from './refusal.js';

/** Tells whether the sender may use images of a bucket. */
export type BucketCheck = (bucket: string) => boolean;

/**
 * Checks `Authorization` for a key of a scope; throws Refusal where there is none. Hashes are compared, all of them, in
 * constant time, as in bearerTokens.ts. Without any configured key everybody may do everything.
 */
export function createKeyCheck(
  keys: readonly ApiKey[],
  scope: string,
): (authorization: string | undefined) => BucketCheck {
  const known = keys.map((key) => ({ ...key, hash: sha256(key.token) }));
  return (authorization) => {
    if (known.length === 0) return () => true;
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Refusal('unauthorized', 'this needs a key: Authorization: Bearer …');
    const hash = sha256(token);
    const own = known.filter((key) => timingSafeEqual(key.hash, hash));
    if (own.length === 0) throw new Refusal('unauthorized', 'no such key');
    const scoped = own.filter((key) => key.scope === scope);
    if (scoped.length === 0) throw new Refusal('forbidden', `the key does not have the scope ${scope}`);
    return (bucket) => scoped.some((key) => key.bucket === undefined || key.bucket === bucket);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
