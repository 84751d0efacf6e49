import type { RefinementCtx } from 'zod';
import { BUCKET_NAME, DATASET_NAME } from '../domain/index.js';

/** The form of RFC 6750, with a length that nobody guesses. */
export const BEARER_TOKEN = /^(?=.{32,512}$)[A-Za-z0-9._~+/-]+=*$/;
/** End of a sentence about what does not fit it. */
export const NO_TOKEN = 'is not made of 32 to 512 characters A-Z, a-z, 0-9, - . _ ~ + / and = at its end';

/** What a key of the API may do, and what of it can be named after @, so that it may do it with nothing else. */
const SCOPES = {
  detect: { of: 'bucket', name: BUCKET_NAME },
  datasets: { of: 'dataset', name: DATASET_NAME },
} as const;
export type ApiScope = keyof typeof SCOPES;
const NAMES = Object.keys(SCOPES).join(', ');

/** One key. The same token may be in several, and may then do what each of them says. */
export interface ApiKey {
  scope: ApiScope;
  /** The one bucket (`detect`) or dataset (`datasets`) that it is for; undefined: any. */
  only: string | undefined;
  token: string;
}

/** Reads `scope:token` and `scope@name:token`. What is wrong is said by position: a token is never repeated. */
export function apiKeys(items: readonly string[], context: RefinementCtx): ApiKey[] {
  return items.flatMap((item, index) => {
    const refuse = (why: string): [] => {
      context.addIssue({ code: 'custom', message: `key ${index + 1} ${why}` });
      return [];
    };
    const colon = item.indexOf(':');
    if (colon < 0) return refuse('is not scope:token');
    const [scope = '', only, ...rest] = item.slice(0, colon).split('@');
    if (!isScope(scope)) return refuse(`has none of the scopes ${NAMES}`);
    const { of, name } = SCOPES[scope];
    if (rest.length > 0 || (only !== undefined && !name.test(only))) return refuse(`names no ${of} after @`);
    const token = item.slice(colon + 1);
    if (!BEARER_TOKEN.test(token)) return refuse(`has a token that ${NO_TOKEN}`);
    return [{ scope, only, token }];
  });
}

function isScope(name: string): name is ApiScope {
  return Object.hasOwn(SCOPES, name);
}
