import { type IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { pipeline, type Readable } from 'node:stream';
import { exception } from './exceptions.js';

/** Bytes that end with the request: `query` of the URL, a line feed, then the body, as ClickHouse reads it. */
export async function* requestBytes(request: IncomingMessage, query: string | undefined): AsyncGenerator<Buffer> {
  if (query !== undefined && query !== '') yield Buffer.from(`${query}\n`);
  for await (const chunk of decoded(request) as AsyncIterable<Buffer>) yield chunk;
}

function decoded(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' || encoding === '') return request;
  if (encoding === 'gzip') {
    // The error reaches whoever reads the returned stream.
    return pipeline(request, createGunzip(), () => undefined);
  }
  throw exception(48, 'NOT_IMPLEMENTED', `Unknown compression method: '${encoding}'; the embedded server knows gzip`);
}

/** Reads until `bytes` are there or the source ends; what has been read, and the source to read on from. */
export async function readHead(
  source: AsyncGenerator<Buffer>,
  bytes: number,
): Promise<{ head: Buffer; ended: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const next = await source.next();
    if (next.done === true) return { head: Buffer.concat(chunks), ended: true };
    chunks.push(next.value);
    length += next.value.length;
  }
  return { head: Buffer.concat(chunks), ended: false };
}

/**
 * The data of an insert in blocks. Line-delimited rows are cut at the last line feed once `blockBytes` are there, so
 * memory stays bounded whatever the size; other formats can't be cut and are one block of at most `maxWholeBytes`.
 */
export async function* insertBlocks(
  first: Buffer,
  rest: AsyncGenerator<Buffer>,
  options: { lineDelimited: boolean; blockBytes: number; maxWholeBytes: number },
): AsyncGenerator<Buffer> {
  let chunks = [first];
  let length = first.length;
  for await (const chunk of rest) {
    chunks.push(chunk);
    length += chunk.length;
    const lineFeed = options.lineDelimited && length >= options.blockBytes ? chunk.lastIndexOf(10) : -1;
    if (lineFeed >= 0) {
      const cut = length - chunk.length + lineFeed + 1;
      const whole = Buffer.concat(chunks, length);
      yield whole.subarray(0, cut);
      // Copied: a view would keep the whole block in memory.
      chunks = [Buffer.from(whole.subarray(cut))];
      length -= cut;
    }
    if (length > options.maxWholeBytes)
      throw exception(
        229,
        'QUERY_IS_TOO_LARGE',
        `More than ${options.maxWholeBytes} bytes that can't be cut into rows`,
      );
  }
  yield Buffer.concat(chunks, length);
}
