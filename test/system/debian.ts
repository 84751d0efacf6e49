import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir, cached } from '../../src/embedded/cache.js';

const run = promisify(execFile);
/** Bound on the download of packages, and on unpacking each. */
const STEP_MS = 180_000;
const MOST_PACKAGES = 200;

/**
 * Path of a program of a Debian package: unpacked beside the servers of the stack, once, and not installed. Undefined
 * where there is no apt, or where it can't reach its archive.
 */
export async function debianProgram(packageName: string, program: string): Promise<string | undefined> {
  const folder = await unpacked(packageName, () => Promise.resolve([packageName]));
  return folder === undefined ? undefined : join(folder, 'usr', 'bin', program);
}

/** Folder with packages and all that they need and this machine has not. Undefined as above. */
export async function debianPackages(names: readonly string[]): Promise<string | undefined> {
  return unpacked(names.join('+'), async () => {
    const { stdout } = await run('apt-get', ['install', '-s', '--no-install-recommends', ...names], {
      timeout: STEP_MS,
    });
    const missing = stdout.split('\n').flatMap((line) => /^Inst (\S+)/.exec(line)?.[1] ?? []);
    return [...new Set([...missing, ...names])].slice(0, MOST_PACKAGES);
  });
}

async function unpacked(name: string, list: () => Promise<string[]>): Promise<string | undefined> {
  try {
    return await cached(cacheDir(process.env), `debian-${name}`, async (aside) => {
      await run('apt-get', ['download', '-qq', ...(await list())], { cwd: aside, timeout: STEP_MS });
      for (const archive of (await readdir(aside)).filter((file) => file.endsWith('.deb'))) {
        await run('dpkg-deb', ['-x', archive, '.'], { cwd: aside, timeout: STEP_MS });
        await rm(join(aside, archive));
      }
    });
  } catch {
    return undefined;
  }
}
