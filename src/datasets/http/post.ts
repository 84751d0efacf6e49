import { HttpSourceError } from './errors.js';
import { createGuard } from './guard.js';
import { createWire } from './wire.js';

export interface Post {
  /** JSON. */
  body: string;
  headers: Readonly<Record<string, string>>;
  /** Hosts, host:port, addresses and networks that may be private. */
  allowPrivate: readonly string[];
  /** Milliseconds from the name of the host to the last byte of the answer. */
  timeoutMs: number;
}

/**
 * Posts once, to public hosts alone, and follows no redirect. Throws HttpSourceError where the answer is not 2xx; no message
 * names the path, which may hold a secret.
 */
export async function postJson(address: string, { body, headers, allowPrivate, timeoutMs }: Post): Promise<void> {
  const url = new URL(address);
  const wire = createWire({ guard: createGuard(allowPrivate), timeoutMs });
  try {
    const { status } = await wire.send(
      {
        ...{ url, method: 'POST', body },
        headers: {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          'user-agent': 'penstock',
          ...headers,
        },
      },
      new AbortController().signal,
    );
    if (status < 200 || status > 299)
      throw new HttpSourceError('answer', `${url.host} answered ${status}`, { retryable: true });
  } finally {
    wire.close();
  }
}
