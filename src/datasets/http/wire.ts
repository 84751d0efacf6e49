import type { LookupAddress } from 'node:dns';
import { Agent, request as requestPlain, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { LookupFunction } from 'node:net';
import { readExcerpt, readPage } from './body.js';
import { unlessAborted } from './clock.js';
import { HttpSourceError } from './errors.js';
import type { Guard } from './guard.js';

/** One request, as it is sent. */
export interface WireRequest {
  url: URL;
  method: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
}

/** What was answered; a redirect is an answer like others. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Decoded: all of it where the status says that it is a page, else its beginning. */
  body: Buffer;
}

/** Connections of one fetch. */
export interface Wire {
  /** Throws HttpSourceError, of which the messages name no URL; the signal's reason when it aborts. */
  send(request: WireRequest, signal: AbortSignal): Promise<Answer>;
  /** Closes all connections. */
  close(): void;
}

/** Answers that hold a page. Not 202, which says that it is not there yet, and not 206, which is a part of one. */
export const PAGE_STATUS: readonly number[] = [200, 201, 203];
/** Idle connections are closed before common servers do it, which would cost the next request a try. */
const IDLE_MS = 4_000;
/** What is wrong with a certificate stays wrong until somebody changes it. */
const CERTIFICATE = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

/**
 * Node's own client, since each connection has to be made to an address that the guard has seen, and no later answer of a
 * resolver. The guard is asked before every request; a connection that is kept was made to an address that it allowed
 * then, and belongs to this fetch alone.
 *
 * @param timeoutMs of one request: from its name to the last byte of its answer
 */
export function createWire({ guard, timeoutMs }: { guard: Guard; timeoutMs: number }): Wire {
  const kept = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1, timeout: IDLE_MS };
  const plain = new Agent(kept);
  const secure = new SecureAgent(kept);
  return {
    send: async (request, signal) => {
      signal.throwIfAborted();
      const bound = new AbortController();
      const end = (): void => bound.abort();
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener('abort', end, { once: true });
      try {
        const addresses = await unlessAborted(guard.addressesOf(request.url), bound.signal);
        const agent = request.url.protocol === 'https:' ? secure : plain;
        const response = await respond(request, { agent, addresses, signal: bound.signal });
        const status = response.statusCode ?? 0;
        const body = await (PAGE_STATUS.includes(status) ? readPage(response) : readExcerpt(response));
        return { status, headers: response.headers, body };
      } catch (error) {
        signal.throwIfAborted();
        if (bound.signal.aborted) throw unreachable(`no whole answer within ${timeoutMs / 1_000} s`);
        throw error instanceof HttpSourceError ? error : connectionError(error);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
      }
    },
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

function respond(
  { url, method, headers, body }: WireRequest,
  { agent, addresses, signal }: { agent: Agent; addresses: readonly LookupAddress[]; signal: AbortSignal },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestSecure : requestPlain;
    const request = send(url, { method, headers, agent, signal, lookup: among(addresses) });
    request.on('response', resolve).on('error', reject).end(body);
  });
}

/** A lookup that knows these addresses and asks nobody. */
function among(addresses: readonly LookupAddress[]): LookupFunction {
  return (hostname, options, callback) => {
    const [first] = addresses;
    if (first === undefined) callback(new Error(`${hostname} has no address`), '');
    else if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

function connectionError(error: unknown): HttpSourceError {
  // Node tries several addresses of a host, and tells of all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : String(first);
  const code = first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : '';
  const text = message.includes(code) ? message : `${code}: ${message}`;
  return CERTIFICATE.test(code) ? new HttpSourceError('unreachable', text) : unreachable(text);
}

function unreachable(message: string): HttpSourceError {
  return new HttpSourceError('unreachable', message, { retryable: true });
}
