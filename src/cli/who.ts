import { hostname, userInfo } from 'node:os';

/** `user@host`; a container may have no name for its user. */
export function who(): string {
  let user = 'unknown';
  try {
    user = userInfo().username;
  } catch {
    // There is no entry for this user.
  }
  return `${user}@${hostname()}`.slice(0, 200);
}
