import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { createWriteStream } from 'node:fs';
import { pipeline as pipe, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
    return pipe(request, createGunzip(), () => undefined);
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

/** Writes `first` and the rest of the source to a new file; memory stays bounded whatever the size. */
export async function spool(file: string, first: Buffer, rest: AsyncGenerator<Buffer>): Promise<void> {
  await pipeline(
    async function* () {
      yield first;
      yield* rest;
    },
    createWriteStream(file, { flags: 'wx' }),
  );
}
