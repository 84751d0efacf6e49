import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ImageRef } from '../domain/index.js';
import { crc32cOf } from './checksum.js';
import { ReadError } from './deadline.js';
import type { Answer } from './download.js';

const unzip = promisify(gunzip);

/**
 * The object of an answer that says 200: of the generation that was asked for, whole, and unpacked where it is stored
 * with `Content-Encoding: gzip`. Throws ReadError for anything else; unpacked it is held to `maxBytes` too.
 */
export async function contentOf(answer: Answer, { generation }: ImageRef, maxBytes: number): Promise<Buffer> {
  const sent = answer.header('x-goog-generation');
  if (sent !== generation) {
    // A proxy's page with a 200 names none.
    const what = sent === undefined ? 'no generation, so it is not of the storage API' : `generation ${sent}`;
    throw new ReadError('retry', 'DOWNLOAD_FAILED', `the answer says ${what}`);
  }
  if (answer.isTooLarge) throw new ReadError('dead', 'TOO_LARGE', `more than ${maxBytes} bytes`);
  const { body } = answer;
  const isPacked = answer.header('content-encoding') === 'gzip';
  if (!isIntact(answer, isPacked)) {
    throw new ReadError('retry', 'DOWNLOAD_FAILED', `${body.length} bytes came, and not those of its checksum`);
  }
  if (!isPacked) return body;
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new ReadError('dead', 'TOO_LARGE', `more than ${maxBytes} bytes when unpacked`);
    // The encoding is what an uploader says. What the bytes are, the decoder finds out.
    return body;
  }
}

/** The checksum is over the bytes as they are stored: it says nothing about an object that was unpacked on the way. */
function isIntact({ header, body }: Answer, isPacked: boolean): boolean {
  const expected = /crc32c=([^,\s]+)/.exec(header('x-goog-hash') ?? '')?.[1];
  if (expected === undefined || header('x-goog-stored-content-encoding') !== (isPacked ? 'gzip' : 'identity'))
    return true;
  return crc32cOf(body) === expected;
}
