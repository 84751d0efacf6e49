import { execFileSync } from 'node:child_process';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { linkSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from './errors.js';

/** A process, told apart from a later one that got the same pid. */
const identitySchema = z.object({ pid: z.int().positive(), started: z.string() });
export type ProcessIdentity = z.infer<typeof identitySchema>;

const lockSchema = identitySchema.extend({
  /** The process that ends what the owner left behind; a dead owner's lock is free once this one is gone too. */
  reaper: identitySchema.optional(),
});

/** A lock file that belongs to this process. */
export interface FileLock {
  /** Names the reaper in the lock, so that the next owner waits for its work. */
  setReaper(pid: number): Promise<void>;
  release(): Promise<void>;
}

/** The lock has a living owner. */
export class LockedError extends Error {
  override name = 'LockedError';
  constructor(readonly pid: number) {
    super(`locked by the process ${pid}`);
  }
}

/**
 * Takes the lock file `path`, exclusively, also against a taker at the same moment. A lock whose owner died is taken
 * over as soon as the owner's reaper is gone.
 *
 * @param waitMs milliseconds to wait for a living owner; 0 throws `LockedError` at once
 */
export async function acquireLock(path: string, waitMs = 0): Promise<FileLock> {
  const deadline = performance.now() + waitMs;
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const identity = identify(process.pid) ?? { pid: process.pid, started: 'unknown' };
  await writeFile(own, JSON.stringify(identity));
  try {
    for (;;) {
      try {
        await link(own, path);
        return heldLock(path, identity);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const owner = parseLock(text);
      if (owner && isAlive(owner)) {
        if (performance.now() > deadline) throw new LockedError(owner.pid);
        await sleep(200);
      } else if (owner?.reaper && isAlive(owner.reaper) && performance.now() < deadline + REAPER_WAIT_MS) {
        await sleep(50);
      } else {
        removeStale(path, text, own);
        await sleep(5);
      }
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** A reaper ends everything within this time. */
const REAPER_WAIT_MS = 20_000;

function heldLock(path: string, identity: ProcessIdentity): FileLock {
  return {
    setReaper: async (pid) => {
      const reaper = identify(pid);
      const next = `${path}.next`;
      await writeFile(next, JSON.stringify({ ...identity, ...(reaper ? { reaper } : {}) }));
      await rename(next, path);
    },
    release: () => rm(path, { force: true }),
  };
}

/**
 * Removes the lock if it still says what was judged stale. Only one process at a time removes, under a guard of its
 * own; the rest is synchronous, so that the guard is held for less than a millisecond.
 */
function removeStale(path: string, judged: string, own: string): void {
  const guard = `${path}.takeover`;
  try {
    linkSync(own, guard);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const holder = parseLock(readIfThere(guard) ?? '');
    if (holder && !isAlive(holder)) rmSync(guard, { force: true });
    return;
  }
  try {
    if (readIfThere(path) === judged) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseLock(text: string): z.infer<typeof lockSchema> | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && (now.started === identity.started || identity.started === 'unknown');
}

/** Undefined when no such process runs (a zombie does not run). */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : { pid, started: fields[19] ?? 'unknown' };
    } catch {
      return undefined;
    }
  }
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : { pid, started };
  } catch {
    return undefined;
  }
}
