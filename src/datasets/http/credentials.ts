import { HttpSourceError } from './errors.js';
import type { HttpSource } from './source.js';

/** What proves to the API who asks. */
export interface Credentials {
  headers: Record<string, string>;
  query?: { parameter: string; value: string };
  /** All that must not be shown. */
  secrets: string[];
}

/**
 * Reads the secret that `auth` names. Throws HttpSourceError `refused` for one that can't be sent, and whatever `secrets`
 * throws for one that is not there.
 */
export function credentialsOf(auth: HttpSource['auth'], secrets: (name: string) => string): Credentials {
  if (auth === undefined) return { headers: {}, secrets: [] };
  const value = secrets(auth.secret);
  if (value === '') throw new HttpSourceError('refused', `the secret ${auth.secret} is empty`);
  if (auth.type === 'query') return { headers: {}, query: { parameter: auth.parameter, value }, secrets: [value] };
  if (auth.type === 'basic') {
    if (auth.user.includes(':'))
      throw new HttpSourceError('refused', 'source.auth.user: no colon, which ends the name');
    const pair = Buffer.from(`${auth.user}:${value}`, 'utf8').toString('base64');
    return { headers: { authorization: `Basic ${pair}` }, secrets: [value, pair] };
  }
  // Else Node would refuse it in words of its own.
  if (!/^[\x20-\x7e]+$/.test(value))
    throw new HttpSourceError(
      'refused',
      `the secret ${auth.secret} has characters that no header has, like a line feed`,
    );
  if (auth.type === 'bearer') return { headers: { authorization: `Bearer ${value}` }, secrets: [value] };
  return { headers: { [auth.header.toLowerCase()]: value }, secrets: [value] };
}
