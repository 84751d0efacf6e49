import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw } from 'node:zlib';
import { HttpSourceError } from './errors.js';

/** Of a page, both as it comes and decoded. */
export const MOST_PAGE_BYTES = 64 * 1_024 * 1_024;
/** Of an answer that holds no page: enough for a sentence. */
const ERROR_BYTES = 65_536;
/** An answer that is coded more often is nobody's honest page. */
const MOST_CODINGS = 2;

/** What the program can read; also told to the API. */
export const ACCEPTED_CODINGS = 'gzip, br, deflate';

const unpackGzip = promisify<Buffer, { maxOutputLength: number; finishFlush?: number }, Buffer>(gunzip);
const unpackBrotli = promisify<Buffer, { maxOutputLength: number; finishFlush?: number }, Buffer>(brotliDecompress);
const unpackDeflate = promisify<Buffer, { maxOutputLength: number; finishFlush?: number }, Buffer>(inflate);
const unpackRawDeflate = promisify<Buffer, { maxOutputLength: number; finishFlush?: number }, Buffer>(inflateRaw);

/**
 * The body of a page, whole and decoded. Throws HttpSourceError: `limit` beyond 64 MiB, `unreachable` where it broke off or
 * its coding is damaged, `answer` for a coding that nobody asked for. Rejects as the connection does.
 *
 * A body without a length and without chunks ends where the connection does: that it was cut can't be seen here.
 */
export async function readPage(response: IncomingMessage): Promise<Buffer> {
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > MOST_PAGE_BYTES) {
    response.destroy();
    throw tooLarge();
  }
  const body = await readUpTo(response, MOST_PAGE_BYTES);
  if (body === undefined) throw tooLarge();
  // A connection that ends early is an error in Node, but for one that was closed in order.
  if (!response.complete) throw new HttpSourceError('unreachable', 'the answer broke off', { retryable: true });
  return decode(body, codingsOf(response));
}

/** The beginning of what an answer says that is no page; nothing where it can't be read. */
export async function readExcerpt(response: IncomingMessage): Promise<Buffer> {
  const codings = codingsOf(response);
  const body = await readUpTo(response, ERROR_BYTES, true);
  // Cut off where it is longer, so that its coding has no end.
  return decode(body ?? Buffer.alloc(0), codings, true).catch(() => Buffer.alloc(0));
}

/** Where there is more: undefined, or with `isCut` the beginning. Leaving the loop closes the connection. */
async function readUpTo(response: IncomingMessage, most: number, isCut = false): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    chunks.push(chunk);
    if (length > most && !isCut) return undefined;
    if (length > most) break;
  }
  return Buffer.concat(chunks, length);
}

function codingsOf({ headers }: IncomingMessage): string[] {
  const named = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim().toLowerCase());
  return named.filter((coding) => coding !== '' && coding !== 'identity').reverse();
}

async function decode(body: Buffer, codings: readonly string[], isCut = false): Promise<Buffer> {
  if (codings.length > MOST_CODINGS) throw unreadable(codings.join(', '));
  let decoded = body;
  for (const coding of codings) decoded = await unpack(decoded, coding, isCut);
  return decoded;
}

async function unpack(body: Buffer, coding: string, isCut: boolean): Promise<Buffer> {
  const bound = { maxOutputLength: MOST_PAGE_BYTES };
  const flush = isCut ? { finishFlush: constants.Z_SYNC_FLUSH } : {};
  if (body.length === 0) return body;
  try {
    if (coding === 'gzip' || coding === 'x-gzip') return await unpackGzip(body, { ...bound, ...flush });
    if (coding === 'br')
      return await unpackBrotli(body, isCut ? { ...bound, finishFlush: constants.BROTLI_OPERATION_FLUSH } : bound);
    // Some servers leave out the header of zlib, which says 8 in its first four bits.
    const isRaw = ((body[0] ?? 0) & 0x0f) !== 8;
    if (coding === 'deflate') return await (isRaw ? unpackRawDeflate : unpackDeflate)(body, { ...bound, ...flush });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new HttpSourceError('unreachable', `the ${coding} of the answer is cut or damaged`, { retryable: true });
  }
  throw unreadable(coding);
}

function tooLarge(): HttpSourceError {
  return new HttpSourceError(
    'limit',
    `the page is larger than ${MOST_PAGE_BYTES >> 20} MiB; ask for fewer records a page`,
  );
}

function unreadable(coding: string): HttpSourceError {
  return new HttpSourceError(
    'answer',
    `content-encoding ${coding.slice(0, 50)}, where ${ACCEPTED_CODINGS} was asked for`,
  );
}
