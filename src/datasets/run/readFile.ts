import type { Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { DatasetError } from './dependencies.js';
import { sha256Of, versionOf, type ListedFile } from './inputs.js';

const CHUNK_BYTES = 1_048_576;

/**
 * Bytes of a local file from an offset on, in the content that it was listed with: half of that and half of another is
 * nothing that anybody wrote. Throws DatasetError where it can't be read, or holds something else.
 */
export async function* readFile(
  path: string,
  input: ListedFile,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const before = await file.stat();
    if (!(await isAsListed(path, before, input))) throw changed(path);
    yield* file.createReadStream({
      start,
      signal,
      highWaterMark: CHUNK_BYTES,
      autoClose: false,
    }) as AsyncIterable<Uint8Array>;
    const after = await file.stat();
    if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) throw changed(path);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DatasetError) throw error;
    throw new DatasetError(`${path} can not be read: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await file?.close();
  }
}

/** One that was written again with the same content is the same. */
async function isAsListed(path: string, found: Stats, { version, bytes, checksum }: ListedFile): Promise<boolean> {
  if (found.size !== bytes) return false;
  return versionOf(found) === version || (checksum !== undefined && (await sha256Of(path)) === checksum);
}

function changed(path: string): DatasetError {
  return new DatasetError(`${path} is not what it was when it was listed: the next run takes it as it is then`);
}
