import { createHash } from 'node:crypto';
import type { Session } from './engine.js';

/** Name of the secret that the hashes of personal data are keyed with. */
export const HASH_KEY = 'PENSTOCK_DATASETS_HASH_KEY';

const BLOCK_BYTES = 64;
const INNER = 'penstock_hash_inner';
const OUTER = 'penstock_hash_outer';

/** HMAC-SHA-256 (RFC 2104) of a text in UTF-8, in hex. setHashKey has to be called before. */
export function hashed(text: string): string {
  const inner = `unhex(sha256(getvariable('${INNER}') || encode(${text})))`;
  return `CASE WHEN ${text} IS NOT NULL THEN sha256(getvariable('${OUTER}') || ${inner}) END`;
}

/** The key's two paddings become variables of a connection: no statement, and so no message, has them in its text. */
export async function setHashKey(key: string, session: Session): Promise<void> {
  const bytes = Buffer.from(key, 'utf8');
  const short = bytes.length > BLOCK_BYTES ? createHash('sha256').update(bytes).digest() : bytes;
  const block = Buffer.concat([short], BLOCK_BYTES);
  await session.setBytes(
    INNER,
    block.map((byte) => byte ^ 0x36),
  );
  await session.setBytes(
    OUTER,
    block.map((byte) => byte ^ 0x5c),
  );
}
