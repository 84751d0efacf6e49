import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir, cached } from '../../src/embedded/cache.js';

const run = promisify(execFile);
/** Bound on the download of a package, and on unpacking it. */
const STEP_MS = 120_000;

/**
 * Path of a program of a Debian package: unpacked beside the servers of the stack, once, and not installed. Undefined
 * where there is no apt, or where it can't reach its archive.
 */
export async function debianProgram(packageName: string, program: string): Promise<string | undefined> {
  try {
    const folder = await cached(cacheDir(process.env), `debian-${packageName}`, async (aside) => {
      await run('apt-get', ['download', '-qq', packageName], { cwd: aside, timeout: STEP_MS });
      const [archive = ''] = (await readdir(aside)).filter((name) => name.endsWith('.deb'));
      await run('dpkg-deb', ['-x', archive, '.'], { cwd: aside, timeout: STEP_MS });
      await rm(join(aside, archive));
    });
    return join(folder, 'usr', 'bin', program);
  } catch {
    return undefined;
  }
}
