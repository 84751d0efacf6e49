import { get as getPlain, type Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { get as getSecure } from 'node:https';
import type { Deadline } from './deadline.js';

/** What the storage API answered to one request. */
export interface Answer {
  status: number;
  header: (name: string) => string | undefined;
  /** The bytes as they came over the wire; of an error the beginning. */
  body: Buffer;
  /** There is more than was asked for: nothing of it was kept, and the connection was closed. */
  isTooLarge: boolean;
}

export interface DownloadOptions {
  /** Sockets of one reader: those of others are never closed with it. */
  agent: Agent;
  headers: OutgoingHttpHeaders;
  maxBytes: number;
  deadline: Deadline;
}

/** Beginning of an error's body that is read: it is a sentence for a person. */
const ERROR_BYTES = 16_384;

/**
 * One GET, on a connection that is closed when it is not read to its end. Redirects are answers like others. Rejects
 * when the connection fails before or within the body, or with the deadline's reason.
 *
 * Not the download of Google's client: it closes the connections of all other reads of the process when it is stopped,
 * and can't close its own alone.
 */
export async function download(url: string, { agent, headers, maxBytes, deadline }: DownloadOptions): Promise<Answer> {
  const { signal } = deadline;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const get = url.startsWith('https:') ? getSecure : getPlain;
      get(url, { agent, headers, signal }, resolve).on('error', reject);
    });
    const status = response.statusCode ?? 0;
    const limit = status === 200 ? maxBytes : ERROR_BYTES;
    const body = await readUpTo(response, limit, deadline);
    const header = (name: string): string | undefined => response.headers[name]?.toString();
    return { status, header, body: body ?? Buffer.alloc(0), isTooLarge: body === undefined };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Undefined when there is more: by its own word before anything is read, else at the first byte above. */
async function readUpTo(response: IncomingMessage, maxBytes: number, deadline: Deadline): Promise<Buffer | undefined> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) {
    response.destroy();
    return undefined;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the response, and with it a connection that has more to say.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    deadline.came(chunk.length);
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
