import type { RefinementCtx } from 'zod';
import { BEARER_TOKEN, NO_TOKEN } from './apiKeys.js';

/** `viewer` sees everything, `operator` also retries, replays and discards. */
export const CONSOLE_ROLES = ['viewer', 'operator'] as const;
export type ConsoleRole = (typeof CONSOLE_ROLES)[number];

/** Somebody who logs in to the console with a token. */
export interface ConsoleLogin {
  role: ConsoleRole;
  /** Kept with what they decide. */
  name: string;
  token: string;
}

const NAME = /^[\w.@+-]{1,100}$/;

/** Reads `role:name:token`. What is wrong is said by position: a token is never repeated. */
export function consoleLogins(items: readonly string[], context: RefinementCtx): ConsoleLogin[] {
  return items.flatMap((item, index) => {
    const refuse = (why: string): [] => {
      context.addIssue({ code: 'custom', message: `login ${index + 1} ${why}` });
      return [];
    };
    const [role = '', name, token] = item.split(':');
    if (name === undefined || token === undefined) return refuse('is not role:name:token');
    const known = CONSOLE_ROLES.find((one) => one === role);
    if (known === undefined) return refuse(`has none of the roles ${CONSOLE_ROLES.join(', ')}`);
    if (!NAME.test(name)) return refuse('has a name that is not letters, digits, . _ @ + -, at most 100');
    if (!BEARER_TOKEN.test(token)) return refuse(`has a token that ${NO_TOKEN}`);
    return [{ role: known, name, token }];
  });
}
