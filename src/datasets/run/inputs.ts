import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetSource } from '../manifest/source.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { globToRegExp, listedPrefixes } from './glob.js';

/** A file that a run reads: what it is called, and which content of it is meant. */
export interface FileInput {
  /** gs://bucket/name, or the path below the folder: what rows and people know it by. */
  source: string;
  /** Generation of an object, time of the last change of a file. */
  version: string;
  /** CRC32C of an object (base64), SHA-256 of a file (hex): the same content is not new under another version. */
  checksum: string;
  bytes: number;
}

/** Objects that are looked at, and inputs of one run: what is above waits for the next one. */
const MOST_LISTED = 5_000_000;
const MOST_INPUTS = 100_000;
const PAGE = 1_000;

export type FilesSource = Extract<DatasetSource, { type: 'objects' | 'files' }>;

/**
 * Files that fit, in the order of their names (bytes of UTF-8): the order in which rows of a run follow each other. Without
 * those that `taken` says. Throws DatasetError where the bucket or the folder can't be listed.
 */
export async function listInputs(
  { lister }: Pick<DatasetDependencies, 'lister'>,
  source: FilesSource,
  taken: (page: FileInput[]) => Promise<FileInput[]>,
  signal: AbortSignal,
): Promise<{ inputs: FileInput[]; more: boolean }> {
  const patterns = source.match.map(globToRegExp);
  const fits = (name: string): boolean => patterns.some((pattern) => pattern.test(name));
  const pages = source.type === 'objects' ? objectPages(lister, source, fits) : filePages(source.folder, fits);
  const inputs: FileInput[] = [];
  for await (const page of pages) {
    signal.throwIfAborted();
    inputs.push(...(await taken(page)));
    if (inputs.length > MOST_INPUTS) return { inputs: inputs.slice(0, MOST_INPUTS), more: true };
  }
  return { inputs, more: false };
}

async function* objectPages(
  lister: DatasetDependencies['lister'],
  { bucket, match }: Extract<DatasetSource, { type: 'objects' }>,
  fits: (name: string) => boolean,
): AsyncGenerator<FileInput[]> {
  let listed = 0;
  for (const prefix of listedPrefixes(match)) {
    let after: string | undefined;
    for (let isEnd = false; !isEnd;) {
      const page = await lister.list({ bucket, prefix, after, limit: PAGE });
      if (page.kind === 'missing') throw new DatasetError(`there is no bucket gs://${bucket}`);
      if (page.kind === 'forbidden') throw new DatasetError(`gs://${bucket} may not be listed: ${page.detail}`);
      if (page.kind !== 'page') throw new Error(`gs://${bucket} can not be listed: ${page.detail}`);
      listed += page.resources.length;
      if (listed > MOST_LISTED)
        throw new DatasetError(
          `more than ${MOST_LISTED} objects begin with '${prefix}' in gs://${bucket}: name a longer beginning in source.match`,
        );
      const objects = page.resources.map(readObject).filter(({ name }) => fits(name));
      if (objects.length > 0) yield objects.map((object) => inputOf(bucket, object));
      ({ isEnd } = page);
      after = page.last ?? after;
    }
  }
}

interface Listed {
  name: string;
  generation: string;
  size: number;
  crc32c: string;
}

function readObject(resource: unknown): Listed {
  const { name, generation, size, crc32c } = (resource ?? {}) as Record<string, unknown>;
  return {
    name: String(name),
    generation: String(generation),
    size: Number(size ?? 0),
    crc32c: typeof crc32c === 'string' ? crc32c : '',
  };
}

function inputOf(bucket: string, { name, generation, size, crc32c }: Listed): FileInput {
  // A store that tells no checksum has another content with every generation.
  return { source: `gs://${bucket}/${name}`, version: generation, checksum: crc32c || generation, bytes: size };
}

async function* filePages(folder: string, fits: (name: string) => boolean): AsyncGenerator<FileInput[]> {
  const names = (await namesBelow(folder)).filter(fits).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (let first = 0; first < names.length; first += PAGE) {
    const page: FileInput[] = [];
    for (const name of names.slice(first, first + PAGE)) {
      const path = join(folder, name);
      const found = await stat(path);
      page.push({ source: name, version: versionOf(found), checksum: await sha256Of(path), bytes: found.size });
    }
    yield page;
  }
}

/** Regular files, without following links out of the folder. */
async function namesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    if (entries.length > MOST_LISTED) throw new DatasetError(`more than ${MOST_LISTED} files below ${folder}`);
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length));
  } catch (error) {
    if (error instanceof DatasetError) throw error;
    throw new DatasetError(`${folder} can not be listed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of a file: the time of its last change. */
export function versionOf({ mtimeMs }: { mtimeMs: number }): string {
  return new Date(mtimeMs).toISOString();
}

/** In hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
