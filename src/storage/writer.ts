import { randomUUID } from 'node:crypto';
import { Agent, request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createStorage, type StorageAddress } from './client.js';
import { credentials } from './credentials.js';
import type { FailedAnswer } from './errors.js';

/** What writing an object came to. */
export type WriteOutcome =
  /** It is stored; its resource as the storage API has it. */
  | { kind: 'stored'; resource: unknown }
  /** The body has more bytes than it may: nothing was stored. */
  | { kind: 'too_large' }
  /** The body broke off: nothing was stored. */
  | { kind: 'incomplete' }
  | { kind: FailedAnswer | 'exists'; detail: string };

export interface ObjectToWrite {
  bucket: string;
  object: string;
  contentType: string;
  /** Custom metadata. */
  metadata: Readonly<Record<string, string>>;
  /** Read as fast as the storage takes it, and not to its end where it is too large. */
  body: Readable;
  maxBytes: number;
  /** Ends the write; nothing is stored then, unless the storage has all of it already. */
  signal: AbortSignal;
}

export interface ObjectWriter {
  /** Writes an object that is not there yet. Tries once: a body can't be read twice. Never throws. */
  write(object: ObjectToWrite): Promise<WriteOutcome>;
}

/** Bound on one write; milliseconds. */
const TIMEOUT_MS = 60_000;
/** Of an answer: a resource has about a thousand bytes. */
const ANSWER_BYTES = 65_536;

class TooLargeError extends Error {}

/**
 * Writes objects in one request each, so that a body that ends early leaves nothing behind. Not the upload of Google's
 * client: it can't be given up in the middle, and what is too large is seen in the middle.
 */
export function createObjectWriter(options: StorageAddress): ObjectWriter {
  const storage = createStorage(options);
  const isSecure = storage.apiEndpoint.startsWith('https:');
  const agent = isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const send = isSecure ? requestSecure : requestPlain;
  return {
    write: async (object) => {
      const bound = new AbortController();
      const timer = setTimeout(() => bound.abort(), TIMEOUT_MS);
      const end = (): void => bound.abort();
      object.signal.addEventListener('abort', end, { once: true });
      const { signal } = bound;
      let request: ClientRequest | undefined;
      try {
        const boundary = randomUUID();
        const authorization = options.endpoint ? {} : await credentials(storage, signal);
        const headers = { 'content-type': `multipart/related; boundary=${boundary}`, ...authorization };
        request = send(uploadUrl(storage.apiEndpoint, object), { method: 'POST', agent, headers, signal });
        const answer = answerTo(request);
        // The storage may refuse before it has read all, and then the rest can't be sent.
        const sent = pipeline(parts(object, boundary), request);
        sent.catch(() => undefined);
        const first = await Promise.race([answer, sent.then(() => undefined)]);
        return outcomeOf(first ?? (await answer));
      } catch (error) {
        if (error instanceof TooLargeError) return { kind: 'too_large' };
        if (object.signal.aborted || object.body.errored !== null) return { kind: 'incomplete' };
        if (signal.aborted) return { kind: 'timeout', detail: `not stored within ${TIMEOUT_MS} ms` };
        return { kind: 'failed', detail: error instanceof Error ? error.message.slice(0, 200) : String(error) };
      } finally {
        clearTimeout(timer);
        object.signal.removeEventListener('abort', end);
        // Of a request that is answered this is nothing; any other must not go on.
        if (request?.writableFinished !== true) request?.destroy();
      }
    },
  };
}

function uploadUrl(endpoint: string, { bucket, object }: ObjectToWrite): string {
  const query = new URLSearchParams({ uploadType: 'multipart', name: object, ifGenerationMatch: '0' });
  return `${endpoint}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`;
}

/** The body of the request: the resource, then the bytes as they come. */
async function* parts(
  { object, contentType, metadata, body, maxBytes }: ObjectToWrite,
  boundary: string,
): AsyncGenerator<Buffer> {
  const resource = JSON.stringify({ name: object, contentType, metadata });
  yield Buffer.from(`--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${resource}\r\n`);
  yield Buffer.from(`--${boundary}\r\ncontent-type: ${contentType}\r\n\r\n`);
  // Destroyed, it would take the connection along on which its sender waits for an answer.
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new TooLargeError();
    yield chunk;
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

interface WriteAnswer {
  status: number;
  text: string;
}

function answerTo(request: ClientRequest): Promise<WriteAnswer> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => request.on('response', resolve).on('error', reject));
  const read = answer.then(async (response) => {
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>)
      if (text.length < ANSWER_BYTES) text += chunk.toString('utf8');
    return { status: response.statusCode ?? 0, text };
  });
  // Where the body breaks off nobody waits for it any more.
  read.catch(() => undefined);
  return read;
}

function outcomeOf({ status, text }: WriteAnswer): WriteOutcome {
  if (status === 200 || status === 201) return { kind: 'stored', resource: JSON.parse(text) as unknown };
  const detail = `answered ${status}: ${text.replaceAll(/\s+/g, ' ').trim().slice(0, 160)}`;
  if (status === 412) return { kind: 'exists', detail };
  if (status === 404 || status === 410) return { kind: 'missing', detail };
  if (status === 401 || status === 403) return { kind: 'forbidden', detail };
  return { kind: status === 408 ? 'timeout' : 'failed', detail };
}
