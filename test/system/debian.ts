import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../src/embedded/cache.js';

const run = promisify(execFile);
/** Bound on the download of a package. */
const DOWNLOAD_MS = 120_000;

/**
 * Path of a program of a Debian package: unpacked beside the servers of the stack, once, and not installed. Undefined
 * where there is no apt, or where it can't reach its archive.
 */
export async function debianProgram(packageName: string, program: string): Promise<string | undefined> {
  const folder = join(cacheDir(process.env), 'debian', packageName);
  const path = join(folder, 'usr', 'bin', program);
  if (existsSync(path)) return path;
  await mkdir(join(folder, '..'), { recursive: true });
  const work = await mkdtemp(join(folder, '..', 'download-'));
  try {
    await run('apt-get', ['download', '-qq', packageName], { cwd: work, timeout: DOWNLOAD_MS });
    const [archive] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    if (archive === undefined) return undefined;
    await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: work, timeout: DOWNLOAD_MS });
    await rename(join(work, 'unpacked'), folder).catch(() => undefined);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
