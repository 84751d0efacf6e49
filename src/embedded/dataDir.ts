import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf, StackError } from './errors.js';
import { acquireLock, LockedError, type FileLock } from './lock.js';

/** Makes the folder of a stack and takes it for this process. Throws `StackError` when it can't. */
export async function claimDataDir(dataDir: string): Promise<FileLock> {
  try {
    await mkdir(join(dataDir, 'logs'), { recursive: true });
    return await acquireLock(join(dataDir, 'up.lock'));
  } catch (error) {
    if (error instanceof LockedError)
      throw new StackError(`A stack runs on ${dataDir} already: its process is ${error.pid}.`);
    if (codeOf(error) === undefined) throw error;
    throw new StackError(`${dataDir} can't be a data directory: ${messageOf(error)}`);
  }
}
