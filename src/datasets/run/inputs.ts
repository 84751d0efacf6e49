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

/** A file as it is listed: the checksum is not told by a folder, nor by every store. */
export type ListedFile = Omit<FileInput, 'checksum'> & { checksum?: string };

/** The bucket did not answer as it should; later it may. */
export class ListingError extends Error {
  override name = 'ListingError';
}

/**
 * Files that fit, in the order of their names (bytes of UTF-8): the order in which rows of a run follow each other. Without
 * those that `taken` says. Throws as `listFiles` does.
 */
export async function listInputs(
  { lister }: Pick<DatasetDependencies, 'lister'>,
  source: FilesSource,
  taken: (page: FileInput[]) => Promise<FileInput[]>,
  signal: AbortSignal,
): Promise<{ inputs: FileInput[]; more: boolean }> {
  const inputs: FileInput[] = [];
  for await (const page of listFiles({ lister }, source)) {
    signal.throwIfAborted();
    inputs.push(...(await taken(await withChecksums(source, page))));
    if (inputs.length > MOST_INPUTS) return { inputs: inputs.slice(0, MOST_INPUTS), more: true };
  }
  return { inputs, more: false };
}

/**
 * Files that fit, page by page as they are asked for, in the order of their names. Throws DatasetError where the bucket or
 * the folder can't be listed, ListingError where it could not.
 */
export function listFiles(
  { lister }: Pick<DatasetDependencies, 'lister'>,
  source: FilesSource,
): AsyncGenerator<ListedFile[]> {
  const patterns = source.match.map(globToRegExp);
  const fits = (name: string): boolean => patterns.some((pattern) => pattern.test(name));
  return source.type === 'objects' ? objectPages(lister, source, fits) : filePages(source.folder, fits);
}

async function withChecksums(source: FilesSource, page: readonly ListedFile[]): Promise<FileInput[]> {
  const inputs: FileInput[] = [];
  for (const file of page) inputs.push({ ...file, checksum: file.checksum ?? (await checksumOf(source, file)) });
  return inputs;
}

/** A store that tells no checksum has another content with every generation. */
function checksumOf(source: FilesSource, { source: name, version }: ListedFile): Promise<string> {
  return source.type === 'files' ? sha256Of(join(source.folder, name)) : Promise.resolve(version);
}

async function* objectPages(
  lister: DatasetDependencies['lister'],
  { bucket, match }: Extract<DatasetSource, { type: 'objects' }>,
  fits: (name: string) => boolean,
): AsyncGenerator<ListedFile[]> {
  let listed = 0;
  for (const prefix of listedPrefixes(match)) {
    let after: string | undefined;
    for (let isEnd = false; !isEnd;) {
      const page = await lister.list({ bucket, prefix, after, limit: PAGE });
      if (page.kind === 'missing') throw new DatasetError(`there is no bucket gs://${bucket}`);
      if (page.kind === 'forbidden') throw new DatasetError(`gs://${bucket} may not be listed: ${page.detail}`);
      if (page.kind !== 'page') throw new ListingError(`gs://${bucket} can not be listed: ${page.detail}`);
      listed += page.resources.length;
      if (listed > MOST_LISTED)
        throw new DatasetError(
          `more than ${MOST_LISTED} objects begin with '${prefix}' in gs://${bucket}: name a longer beginning in source.match`,
        );
      const objects = page.resources.map(readObject).filter(({ name }) => fits(name));
      if (objects.length > 0) yield objects.map((object) => listedOf(bucket, object));
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

function listedOf(bucket: string, { name, generation, size, crc32c }: Listed): ListedFile {
  const source = `gs://${bucket}/${name}`;
  return { source, version: generation, bytes: size, ...(crc32c === '' ? {} : { checksum: crc32c }) };
}

async function* filePages(folder: string, fits: (name: string) => boolean): AsyncGenerator<ListedFile[]> {
  const names = (await namesBelow(folder)).filter(fits).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (let first = 0; first < names.length; first += PAGE) {
    const page: ListedFile[] = [];
    for (const name of names.slice(first, first + PAGE)) {
      const found = await stat(join(folder, name));
      page.push({ source: name, version: versionOf(found), bytes: found.size });
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
