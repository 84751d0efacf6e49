import { stat } from 'node:fs/promises';
import type { Manifest } from '../manifest/schema.js';
import type { Cut } from './cuts.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { listFiles, type FilesSource } from './inputs.js';
import { cutFiles, type NumberedFile } from './readFiles.js';
import { readFirstPages } from './readPages.js';
import { windowOf } from './window.js';

export interface FirstRecords {
  manifest: Manifest;
  /** What the run would be for. */
  now: Date;
  signal: AbortSignal;
  /** For the files of the pieces. */
  dir: string;
  /** So many records. */
  limit: number;
}

type Dependencies = Pick<
  DatasetDependencies,
  'warehouse' | 'lister' | 'streamer' | 'secrets' | 'allowPrivate' | 'pace'
>;

/** How much of a source is looked at, however few records are in it. */
const MOST_FILES = 1_000;
const MOST_PAGES = 100;
/** Of texts as they are stored, all together. */
const MOST_TEXT_BYTES = 64 * 1024 * 1024;
/** Of a Parquet file, which is fetched whole. */
const MOST_PARQUET_BYTES = 256 * 1024 * 1024;
/** Of the records, as texts. */
const MOST_RECORD_BYTES = 16 * 1024 * 1024;

/**
 * Cuts of the first records of a source: of its first files, or of the first pages that a first run would ask an API for.
 * `isCut`: more was not looked for. Throws as runs do, and DatasetError for what is too large.
 */
export async function readFirst(
  dependencies: Dependencies,
  of: FirstRecords,
): Promise<{ cuts: AsyncGenerator<Cut>; isCut: () => boolean }> {
  const { manifest, now, signal, dir, limit } = of;
  const { source, format, name: dataset } = manifest;
  const state = { isCut: false };
  const onCut = (): void => {
    state.isCut = true;
  };
  const isCut = (): boolean => state.isCut;
  if (source.type === 'http') {
    const run = { dataset, logicalDate: now.toISOString() };
    const plan = await windowOf(dependencies.warehouse, manifest, run, { dataset, trigger: 'hand', full: true });
    const call = { manifest, signal, run, plan };
    const cuts = readFirstPages(dependencies, call, { source, dir, limit, maxPages: MOST_PAGES, onCut });
    return { cuts: upToBytes(cuts), isCut };
  }
  const isParquet = format.type === 'parquet';
  const inputs = firstFiles(dependencies, source, { isParquet, signal, onCut });
  const meter = isParquet ? undefined : meterOf(MOST_TEXT_BYTES);
  const cuts = cutFiles(
    dependencies,
    { manifest, signal },
    {
      ...{ source, inputs, dir, limit, maxBytes: MOST_RECORD_BYTES },
      ...(meter && { meter }),
    },
  );
  return { cuts: upToBytes(cuts), isCut };
}

async function* firstFiles(
  dependencies: Dependencies,
  source: FilesSource,
  { isParquet, signal, onCut }: { isParquet: boolean; signal: AbortSignal; onCut: () => void },
): AsyncGenerator<NumberedFile> {
  let input = 0;
  for await (const page of listFiles(dependencies, source))
    for (const file of page) {
      signal.throwIfAborted();
      if (input === MOST_FILES) {
        onCut();
        return;
      }
      if (isParquet && file.bytes > MOST_PARQUET_BYTES)
        throw new DatasetError(
          `${file.source} has ${mebibytes(file.bytes)} MiB, and without a run a Parquet file of at most ${mebibytes(MOST_PARQUET_BYTES)} MiB is fetched`,
        );
      yield { ...file, input };
      input += 1;
    }
}

/** What is cut by its bytes ends there: what follows is not looked at. */
async function* upToBytes(cuts: AsyncGenerator<Cut>): AsyncGenerator<Cut> {
  let bytes = 0;
  for await (const cut of cuts) {
    if (cut.piece.kind !== 'parquet') bytes += (await stat(cut.piece.path)).size;
    yield cut;
    if (bytes >= MOST_RECORD_BYTES) return;
  }
}

/** Lets so many bytes through, of all that is read together. */
function meterOf(most: number): (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  let read = 0;
  return async function* (bytes) {
    for await (const chunk of bytes) {
      read += chunk.length;
      if (read > most)
        throw new DatasetError(`${mebibytes(most)} MiB were read for a few rows, and without a run no more are read`);
      yield chunk;
    }
  };
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
