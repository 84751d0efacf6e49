import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crc32c } from './checksum.js';
import { createStorage, type StorageAddress } from './client.js';
import { credentials } from './credentials.js';

/** One generation of an object, to be read as it is stored. */
export interface StoredObject {
  bucket: string;
  object: string;
  generation: string;
  /** Bytes as stored. */
  bytes: number;
  /** CRC32C as the storage API has it (base64); held against what was read from the first byte on. */
  crc32c?: string | undefined;
}

/** The object can't be read. */
export class ObjectStreamError extends Error {
  override name = 'ObjectStreamError';
  constructor(
    message: string,
    /** False: this generation is there no more, or may not be read. */
    readonly retryable = true,
  ) {
    super(message);
  }
}

export interface ObjectStreamer {
  /**
   * Bytes of an object from an offset on, however large it is, in constant memory. A connection that breaks is taken up
   * where it broke. Throws ObjectStreamError: at the first bytes, or later.
   */
  open(object: StoredObject, fromByte: number, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** Tries in a row without a byte. */
const TRIES = 5;
const FIRST_WAIT_MS = 250;
/** Longest time without a byte. */
const IDLE_MS = 30_000;

/** Streams objects with Google's application default credentials, without any from an emulator. */
export function createObjectStreamer(options: StorageAddress): ObjectStreamer {
  const storage = createStorage(options);
  return {
    open: (object, fromByte, signal) => readOn(object, fromByte, signal),
  };

  async function* readOn(object: StoredObject, fromByte: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const crc = fromByte === 0 && object.crc32c !== undefined ? new Crc32c() : undefined;
    let at = fromByte;
    for (let tries = 1; at < object.bytes; tries += 1) {
      signal.throwIfAborted();
      try {
        for await (const chunk of await ask(object, at, signal)) {
          at += chunk.length;
          crc?.update(chunk);
          tries = 0;
          yield chunk;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ObjectStreamError || tries >= TRIES) throw asStreamError(object, error);
      }
      if (at < object.bytes) {
        if (tries >= TRIES) throw asStreamError(object, new Error(`ended after ${at} of ${object.bytes} bytes`));
        await sleep(FIRST_WAIT_MS * 2 ** Math.max(0, tries - 1), undefined, { signal });
      }
    }
    if (at > object.bytes || (crc && crc.digest() !== object.crc32c))
      throw new ObjectStreamError(`${nameOf(object)}: what came is not what the bucket says it holds`);
  }

  async function ask(object: StoredObject, at: number, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const url = `${storage.apiEndpoint}/storage/v1/b/${encodeURIComponent(object.bucket)}/o/${encodeURIComponent(object.object)}?alt=media&generation=${encodeURIComponent(object.generation)}`;
    const authorization = options.endpoint ? {} : await credentials(storage, signal);
    // Packed objects come as they are stored: what unpacks them is what reads the format.
    const headers = { 'accept-encoding': 'gzip', range: `bytes=${at}-`, ...authorization };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const get = url.startsWith('https:') ? getSecure : getPlain;
      const request = get(url, { headers, signal }, resolve).on('error', reject);
      request.setTimeout(IDLE_MS, () => request.destroy(new Error(`no byte for ${IDLE_MS / 1000} s`)));
    });
    const { statusCode: status = 0 } = response;
    if (status === 206 || (status === 200 && at === 0)) return response as AsyncIterable<Buffer>;
    response.destroy();
    if (status === 404 || status === 410)
      throw new ObjectStreamError(`${nameOf(object)}: there is no such object or generation`, false);
    if (status === 401 || status === 403)
      throw new ObjectStreamError(`${nameOf(object)}: may not be read (${status})`, false);
    throw new Error(`answered ${status}`);
  }
}

function nameOf({ bucket, object }: StoredObject): string {
  return `gs://${bucket}/${object}`;
}

function asStreamError(object: StoredObject, error: unknown): ObjectStreamError {
  if (error instanceof ObjectStreamError) return error;
  const message = error instanceof Error ? error.message.replaceAll(/\?[^\s"']*/g, '') : String(error);
  return new ObjectStreamError(`${nameOf(object)}: ${message}`);
}
