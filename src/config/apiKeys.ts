import type { RefinementCtx } from 'zod';
import { BUCKET_NAME } from '../domain/index.js';

/** The form of RFC 6750, with a length that nobody guesses. */
export const BEARER_TOKEN = /^(?=.{32,512}$)[A-Za-z0-9._~+/-]+=*$/;
/** End of a sentence about what does not fit it. */
export const NO_TOKEN = 'is not made of 32 to 512 characters A-Z, a-z, 0-9, - . _ ~ + / and = at its end';

/** What a key of the API may do. */
export const API_SCOPES = ['detect'] as const;
export type ApiScope = (typeof API_SCOPES)[number];

/** One key. The same token may be in several, and may then do what each of them says. */
export interface ApiKey {
  scope: ApiScope;
  /** Only for images of this bucket; undefined: of any. */
  bucket: string | undefined;
  token: string;
}

/** Reads `scope:token` and `scope@bucket:token`. What is wrong is said by position: a token is never repeated. */
export function apiKeys(items: readonly string[], context: RefinementCtx): ApiKey[] {
  return items.flatMap((item, index) => {
    const refuse = (why: string): [] => {
      context.addIssue({ code: 'custom', message: `key ${index + 1} ${why}` });
      return [];
    };
    const colon = item.indexOf(':');
    if (colon < 0) return refuse('is not scope:token');
    const [name, bucket, ...rest] = item.slice(0, colon).split('@');
    const scope = API_SCOPES.find((one) => one === name);
    if (scope === undefined) return refuse(`has none of the scopes ${API_SCOPES.join(', ')}`);
    if (rest.length > 0 || (bucket !== undefined && !BUCKET_NAME.test(bucket)))
      return refuse('names no bucket after @');
    const token = item.slice(colon + 1);
    if (!BEARER_TOKEN.test(token)) return refuse(`has a token that ${NO_TOKEN}`);
    return [{ scope, bucket, token }];
  });
}
