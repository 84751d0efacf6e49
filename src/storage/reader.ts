import type { ImageReason, ImageRef } from '../domain/index.js';
import { createStorage, type StorageAddress } from './client.js';
import { answerOf } from './errors.js';

export interface StorageOptions extends StorageAddress {
  /** Largest object that is read, bytes. */
  maxBytes: number;
  /** Bound on one whole read, milliseconds. */
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

export function createObjectReader(options: StorageOptions): ObjectReader {
  const storage = createStorage(options);
  return {
    read: async ({ bucket, object, generation }) => {
      try {
        const file = storage.bucket(bucket).file(object, { generation });
        return { kind: 'bytes', bytes: await readBounded(file.createReadStream({ decompress: false }), options) };
      } catch (error) {
        return classify(error, options);
      }
    },
  };
}

class ReadError extends Error {
  constructor(
    readonly reason: 'TOO_LARGE' | 'DOWNLOAD_TIMEOUT' | 'DOWNLOAD_FAILED',
    message: string,
  ) {
    super(message);
  }
}

/** Collects the stream up to the bounds; the stream is destroyed at the first byte above. */
function readBounded(
  stream: NodeJS.ReadableStream & { destroy(error?: Error): void },
  limits: StorageOptions,
): Promise<Buffer> {
  const { idleMs = 10_000 } = limits;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      stop(new ReadError('DOWNLOAD_TIMEOUT', `no whole object within ${limits.timeoutMs} ms, ${length} bytes came`));
    }, limits.timeoutMs);
    // A connection that is closed in the middle may give neither an error nor an end.
    const idle = setTimeout(() => {
      stop(new ReadError('DOWNLOAD_FAILED', `no byte for ${idleMs} ms, ${length} bytes came`));
    }, idleMs);
    const stop = (error: Error): void => {
      clearTimeout(timer);
      clearTimeout(idle);
      stream.destroy();
      reject(error);
    };
    stream.on('data', (chunk: Buffer) => {
      idle.refresh();
      length += chunk.length;
      if (length > limits.maxBytes) stop(new ReadError('TOO_LARGE', `more than ${limits.maxBytes} bytes`));
      else chunks.push(chunk);
    });
    stream.on('error', stop);
    stream.on('end', () => {
      clearTimeout(timer);
      clearTimeout(idle);
      resolve(Buffer.concat(chunks, length));
    });
  });
}

/** The table of what the storage API's answers mean for an image. */
function classify(error: unknown, { timeoutMs }: StorageOptions): Exclude<ReadOutcome, { kind: 'bytes' }> {
  const { answer, detail } = answerOf(error);
  if (error instanceof ReadError)
    return { kind: error.reason === 'TOO_LARGE' ? 'dead' : 'retry', reason: error.reason, detail };
  switch (answer) {
    case 'missing':
      return { kind: 'dead', reason: 'GONE', detail: 'no such object or generation' };
    case 'forbidden':
      return { kind: 'retry', reason: 'FORBIDDEN', detail };
    case 'timeout':
      return { kind: 'retry', reason: 'DOWNLOAD_TIMEOUT', detail: `${detail} (limit ${timeoutMs} ms)` };
    case 'failed':
      return { kind: 'retry', reason: 'DOWNLOAD_FAILED', detail };
  }
}
