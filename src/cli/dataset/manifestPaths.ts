import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '../verb.js';

/** Of one call; a folder with more has other things in it. */
const MOST_MANIFESTS = 1_000;

/**
 * Files that are meant by paths: themselves, and of a folder every *.yaml and *.yml in it, by name. Each once. Throws
 * UsageError that tells of every path that is not there, of a folder without a manifest, and for too many.
 */
export async function manifestPaths(paths: readonly string[]): Promise<string[]> {
  const files = new Map<string, string>();
  const problems: string[] = [];
  for (const path of paths)
    try {
      for (const file of await meantBy(path)) files.set(resolve(file), files.get(resolve(file)) ?? file);
    } catch (error) {
      problems.push(error instanceof UsageError ? error.message : `${path}: ${reasonOf(error)}`);
    }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  if (files.size > MOST_MANIFESTS)
    throw new UsageError(`${files.size} manifests; at most ${MOST_MANIFESTS} are read at a time`);
  return [...files.values()];
}

async function meantBy(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.ya?ml$/.test(name)).toSorted();
  if (names.length === 0) throw new UsageError(`${path}: no *.yaml and no *.yml is in it`);
  return names.map((name) => join(path, name));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
