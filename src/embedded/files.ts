import { copyFile, open, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Readers see the old content or the new, never half of it. */
export async function writeFileAtomic(path: string, content: string): Promise<void> {
  const next = `${path}.${process.pid}.next`;
  await writeFile(next, content.endsWith('\n') ? content : `${content}\n`);
  await rename(next, path);
}

/** The folder of the package: the one with package.json, above dist/ as above src/. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the code of Penstock');
    folder = parent;
  }
  return folder;
}

/** A log file above this is cut; its last content is kept once, as `<name>.log.1`. */
const LOG_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Copies a log that grew too long aside and empties it. The process that writes it has it open for appending and
 * never notices; lines written in the very moment may be lost, which a log of one machine can bear.
 */
export async function boundLog(path: string, maxBytes = LOG_MAX_BYTES): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= maxBytes) return;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
}

/** The last lines of a log, for a message about why something did not start. */
export async function lastLines(path: string, lines: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 16_384);
    const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length });
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    await file.close();
  }
}
