import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, StackError } from './errors.js';
import { acquireLock } from './lock.js';

/** Where downloads are kept: PENSTOCK_CACHE_DIR, else `penstock` under XDG_CACHE_HOME, else ~/.cache/penstock. */
export function cacheDir(environment: NodeJS.ProcessEnv): string {
  if (environment['PENSTOCK_CACHE_DIR']) return environment['PENSTOCK_CACHE_DIR'];
  return join(environment['XDG_CACHE_HOME'] ? environment['XDG_CACHE_HOME'] : join(homedir(), '.cache'), 'penstock');
}

/** Longest download that another process may be busy with. */
const DOWNLOAD_WAIT_MS = 15 * 60_000;

/**
 * The folder `name` of the cache; filled by `fill` the first time. What is in the cache is whole: it is filled aside
 * and renamed, under a lock, so that two stacks that start at once download once.
 */
export async function cached(root: string, name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(root, name);
  if (existsSync(folder)) return folder;
  await mkdir(root, { recursive: true });
  const lock = await acquireLock(`${folder}.lock`, DOWNLOAD_WAIT_MS);
  try {
    if (existsSync(folder)) return folder;
    // What a download that was killed left behind.
    for (const left of (await readdir(root)).filter((entry) => entry.startsWith(`.${name}-`)))
      await rm(join(root, left), { recursive: true, force: true });
    const aside = await mkdtemp(join(root, `.${name}-`));
    try {
      await fill(aside);
      await rename(aside, folder);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    return folder;
  } finally {
    await lock.release();
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Throws unless what came is what was pinned. */
export function checkSha256(what: string, found: string, pinned: string): void {
  if (found === pinned) return;
  throw new StackError(`The checksum of ${what} is not the pinned one (sha256 ${found}, expected ${pinned}).`);
}

/** Runs a program to its end; throws a sentence with the last lines it wrote. */
export function runTool(
  what: string,
  command: string,
  args: readonly string[],
  options: { cwd?: string; timeoutMs: number; env?: NodeJS.ProcessEnv },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      [...args],
      {
        timeout: options.timeoutMs,
        maxBuffer: 16 * 1024 * 1024,
        encoding: 'utf8',
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.env === undefined ? {} : { env: options.env }),
      },
      (error, stdout, stderr) => {
        if (!error) {
          resolve(stdout);
          return;
        }
        const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n') || messageOf(error);
        reject(new StackError(`${what} failed:\n${said}`));
      },
    );
  });
}
