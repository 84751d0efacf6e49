import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of this process alone, and what gives it back. */
export interface Scratch {
  dir: string;
  release: () => Promise<void>;
}

/**
 * Makes a folder for what this process has in work, below `parent` or the temporary folder of the machine, and takes away
 * those of processes that were killed.
 */
export async function claimScratch(parent = join(tmpdir(), 'penstock-ingest')): Promise<Scratch> {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const pid = Number(/^pid-(\d+)$/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const dir = join(parent, `pid-${process.pid}`);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  return { dir, release: () => rm(dir, { recursive: true, force: true }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
