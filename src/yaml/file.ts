import { isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { YamlError, YamlFileError } from './errors.js';

/**
 * Largest file that is read. One of 2,000 routes has 200 KB; a hostile one of this size takes some 60 MB to parse, which
 * the heap of every role has.
 */
export const MAX_FILE_BYTES = 262_144;

/**
 * Reads a file, at most MAX_FILE_BYTES of it. Symbolic links are followed. Throws YamlFileError where it can't be read,
 * YamlError where it is too large or no UTF-8.
 */
export async function readYamlFile(path: string): Promise<string> {
  const bytes = await readBounded(path);
  const refuse = (message: string): YamlError => new YamlError(path, [{ line: 1, column: 1, message }]);
  if (bytes.length > MAX_FILE_BYTES) throw refuse(`the file is larger than ${MAX_FILE_BYTES} bytes`);
  if (!isUtf8(bytes)) throw refuse('the file is not UTF-8');
  return bytes.toString('utf8');
}

/** One byte more than is allowed shows that there is too much. */
async function readBounded(path: string): Promise<Buffer> {
  try {
    // Opening a pipe would wait for a writer.
    if (!(await stat(path)).isFile()) throw new Error('no regular file');
    const handle = await open(path);
    try {
      const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new YamlFileError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
