import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Bytes } from './input.js';
import { InputError } from './inputError.js';

/** Bytes that come out at a time. */
const CHUNK_BYTES = 262_144;

/**
 * Decompresses gzip of any number of members. Throws InputError for what is damaged, cut off, or followed by something
 * else than zeros, which some writers pad with. Errors of the bytes themselves are thrown as they are.
 */
export async function* gunzip(bytes: Bytes, source: string): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  let lastOther = 0;
  const packed = Readable.from(counted(), { objectMode: true, highWaterMark: 1 });
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  packed.on('error', (error) => unpacked.destroy(error));

  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of bytes) {
      const other = chunk.findLastIndex((byte) => byte !== 0);
      if (other >= 0) lastOther = read + other + 1;
      read += chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  }

  try {
    yield* packed.pipe(unpacked) as AsyncIterable<Uint8Array>;
    const used = unpacked.bytesWritten;
    // After zeros zlib takes no more, be it another member.
    const rest = packed[Symbol.asyncIterator]();
    while (lastOther <= used && (await rest.next()).done !== true);
    if (lastOther > used) throw new InputError(source, `the gzip data ends at byte ${used}, and more follows`);
  } catch (error) {
    throw isOfZlib(error) ? new InputError(source, sentence(error, read), { cause: error }) : error;
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

function sentence(error: NodeJS.ErrnoException, read: number): string {
  return error.code === 'Z_BUF_ERROR'
    ? `the gzip data is cut off after ${read} bytes`
    : `the gzip data is damaged: ${error.message}`;
}

function isOfZlib(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
