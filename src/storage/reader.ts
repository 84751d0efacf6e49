import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { ImageReason, ImageRef } from '../domain/index.js';
import { createStorage, type StorageAddress } from './client.js';
import { contentOf } from './content.js';
import { credentials } from './credentials.js';
import { Deadline, ReadError } from './deadline.js';
import { download, type Answer } from './download.js';

export interface StorageOptions extends StorageAddress {
  /** Largest object that is read, bytes; also when it is unpacked. */
  maxBytes: number;
  /** Bound on one whole read, its tries and waits included; milliseconds. */
  timeoutMs: number;
  /** Longest time without a byte, before the first one too; milliseconds, default 10,000. */
  idleMs?: number;
}

/** What reading an object gave. */
export type ReadOutcome =
  { kind: 'bytes'; bytes: Buffer } | { kind: 'dead' | 'retry'; reason: ImageReason; detail: string };

export interface ObjectReader {
  /** Reads exactly the generation that is asked for, or says why not. Never throws. */
  read(image: ImageRef): Promise<ReadOutcome>;
}

/** Requests of one read. More, and longer waits, are the workflow's: there a waiting image holds no place. */
const TRIES = 3;
const FIRST_WAIT_MS = 500;
const IDLE_MS = 10_000;

/** Reads objects with Google's application default credentials, without any from an emulator. */
export function createObjectReader(options: StorageOptions): ObjectReader {
  const storage = createStorage(options);
  const isSecure = storage.apiEndpoint.startsWith('https:');
  const agent = isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const { maxBytes, timeoutMs, idleMs = IDLE_MS } = options;

  const read = async (image: ImageRef, deadline: Deadline): Promise<Buffer> => {
    const url = mediaUrl(storage.apiEndpoint, image);
    for (let tries = 1; ; tries += 1) {
      const authorization = options.endpoint ? {} : await credentials(storage, deadline.signal);
      // Packed objects come as they are stored, so that their checksum can be held against them.
      const headers = { 'accept-encoding': 'gzip', 'cache-control': 'no-store', ...authorization };
      const answer = await download(url, { agent, headers, maxBytes, deadline }).catch((error: unknown) => {
        if (error instanceof ReadError || tries === TRIES || !isLostConnection(error)) throw error;
        return undefined;
      });
      if (answer?.status === 200) return contentOf(answer, image, maxBytes);
      const waitMs = FIRST_WAIT_MS * 2 ** (tries - 1);
      if (answer && (tries === TRIES || !isPassing(answer, waitMs))) throw refusal(answer);
      await deadline.wait(waitMs * (0.5 + Math.random() / 2));
    }
  };

  return {
    read: async (image) => {
      const deadline = new Deadline({ timeoutMs, idleMs });
      try {
        return { kind: 'bytes', bytes: await read(image, deadline) };
      } catch (error) {
        const { reason } = deadline.signal as { reason: unknown };
        return outcomeOf(reason instanceof ReadError ? reason : error);
      } finally {
        deadline.clear();
      }
    },
  };
}

function mediaUrl(endpoint: string, { bucket, object, generation }: ImageRef): string {
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`;
  return `${endpoint}${path}?alt=media&generation=${encodeURIComponent(generation)}`;
}

/** Worth another request at once: the server is short of something, and asks for no longer wait than there will be. */
function isPassing({ status, header }: Answer, waitMs: number): boolean {
  if (status !== 408 && status !== 429 && status < 500) return false;
  const after = header('retry-after');
  return after === undefined || Number(after) * 1000 <= waitMs;
}

/** Before an answer came: also a connection that the server had closed while nobody used it. */
function isLostConnection(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (message === 'aborted') return false;
  return code !== undefined && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN'].includes(code);
}

/** The table of what the storage API's answers mean for an image. */
function refusal(answer: Answer): ReadError {
  const { status, header, body } = answer;
  const after = header('retry-after');
  const said = body.toString('utf8').replaceAll(/\s+/g, ' ').trim().slice(0, 160);
  const detail = `answered ${status}${after === undefined ? '' : `, Retry-After ${after.slice(0, 40)}`}: ${said}`;
  if (status === 404 || status === 410) return new ReadError('dead', 'GONE', 'no such object or generation');
  if (status === 401 || status === 403) return new ReadError('retry', 'FORBIDDEN', detail);
  if (status === 408) return new ReadError('retry', 'DOWNLOAD_TIMEOUT', detail);
  if (status >= 300 && status < 400)
    return new ReadError('retry', 'DOWNLOAD_FAILED', `answered ${status}, and redirects are not followed`);
  return new ReadError('retry', 'DOWNLOAD_FAILED', detail);
}

function outcomeOf(error: unknown): Exclude<ReadOutcome, { kind: 'bytes' }> {
  if (error instanceof ReadError) return { kind: error.kind, reason: error.reason, detail: error.message };
  const message = error instanceof Error ? error.message : String(error);
  const timedOut = /timed? ?out/i.test(message);
  return {
    kind: 'retry',
    reason: timedOut ? 'DOWNLOAD_TIMEOUT' : 'DOWNLOAD_FAILED',
    detail: message.replaceAll(/\?[^\s"']*/g, '').slice(0, 200),
  };
}
