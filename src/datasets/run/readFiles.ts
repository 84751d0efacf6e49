import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetPosition } from '../../domain/index.js';
import { cutPieces, type Piece, type Position, type RecordInput } from '../records/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { inputsOfPlan } from './inputRecords.js';
import type { FilesSource, ListedFile } from './inputs.js';
import { readFile } from './readFile.js';
import type { StageCall } from './stageCall.js';

/** Cuts of the files of a share, from a position on. Their files are in `dir`, and whoever made it takes it away. */
export async function* readFiles(
  dependencies: DatasetDependencies,
  call: StageCall,
  of: { source: FilesSource; share: readonly [number, number]; from: DatasetPosition | undefined; dir: string },
): AsyncGenerator<Cut> {
  const { source, share, from, dir } = of;
  const { plan, run } = call;
  const inputs = await inputsOfPlan(dependencies.warehouse, run, plan.planId, share);
  if (inputs.length !== share[1] - share[0])
    throw new Error(`of the inputs ${share[0]} to ${share[1]} ${inputs.length} are known`);
  yield* cutFiles(dependencies, call, { source, inputs, dir, from });
}

/** What is cut: of which files, and how much of them. */
export interface FilesToCut {
  source: FilesSource;
  /** With their numbers, in the order in which they are read. */
  inputs: Iterable<NumberedFile> | AsyncIterable<NumberedFile>;
  /** For the files of the pieces. */
  dir: string;
  /** Default: the beginning. */
  from?: DatasetPosition | undefined;
  /** So many records, and no input before its turn. Default: all, and the next inputs are opened while one is read. */
  limit?: number;
  /** Bytes of a piece. Default: that of `cutPieces`. */
  maxBytes?: number;
  /** What every byte that is read goes through. */
  meter?: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

export type NumberedFile = ListedFile & { input: number };

/** Cuts of files, as every run makes them. */
export async function* cutFiles(
  dependencies: Pick<DatasetDependencies, 'streamer'>,
  { manifest, signal }: Pick<StageCall, 'manifest' | 'signal'>,
  of: FilesToCut,
): AsyncGenerator<Cut> {
  const { dir, from, limit, maxBytes } = of;
  const numbers = new Map<string, number>();
  const start = from === undefined ? undefined : positionOf(from);
  const { format } = manifest;
  const open = (input: NumberedFile, fromByte: number): AsyncIterable<Uint8Array> => {
    numbers.set(input.source, input.input);
    const bytes = bytesOf(dependencies, of.source, input, fromByte, signal);
    return of.meter?.(bytes) ?? bytes;
  };
  const files = recordInputs(of, { isParquet: format.type === 'parquet', skip: start?.input ?? 0, open });
  const pieces = cutPieces(files, {
    ...{ format, dir, signal },
    ...(start && { from: start }),
    ...(limit !== undefined && { limit, ahead: 0 }),
    ...(maxBytes !== undefined && { maxBytes }),
  });
  for await (const piece of pieces)
    yield {
      piece,
      inputs: numbersOf(piece, numbers),
      behind: piece.next === undefined ? { kind: 'end' } : { kind: 'at', position: { ...piece.next } },
      found: { inputs: 0, bytes: 0 },
    };
}

/** What an earlier call gave as its next: nobody else makes positions. */
function positionOf({ input, byte, line, columns }: DatasetPosition): Position {
  return {
    ...{ input: Number(input), byte: Number(byte), line: Number(line) },
    ...(Array.isArray(columns) ? { columns: columns.map(String) } : {}),
  };
}

/** Inputs that a piece has records of, each once. */
export function sourcesOf({ marks, rejected }: Pick<Piece, 'marks' | 'rejected'>): string[] {
  return [...new Set([...marks, ...rejected].map(({ source }) => source))];
}

/** Their numbers, in the same order. */
export function numbersOf(piece: Pick<Piece, 'marks' | 'rejected'>, numbers: ReadonlyMap<string, number>): number[] {
  return sourcesOf(piece).map((source) => {
    const number = numbers.get(source);
    if (number === undefined) throw new Error(`${source} is no input of the run`);
    return number;
  });
}

async function* recordInputs(
  { inputs, dir }: FilesToCut,
  of: { isParquet: boolean; skip: number; open: (input: NumberedFile, fromByte: number) => AsyncIterable<Uint8Array> },
): AsyncGenerator<RecordInput> {
  let index = 0;
  for await (const input of inputs) {
    const file: RecordInput = {
      source: input.source,
      open: (fromByte) => Promise.resolve(of.open(input, fromByte)),
    };
    // DuckDB reads Parquet where it likes: it needs a file. Those that are done need none.
    if (of.isParquet && index >= of.skip) {
      const path = join(dir, `input-${index}.parquet`);
      await pipeline(of.open(input, 0), createWriteStream(path));
      file.localPath = path;
    }
    index += 1;
    yield file;
  }
}

function bytesOf(
  { streamer }: Pick<DatasetDependencies, 'streamer'>,
  source: FilesSource,
  input: NumberedFile,
  fromByte: number,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { source: name, version, checksum, bytes } = input;
  if (source.type === 'files') return readFile(join(source.folder, name), input, fromByte, signal);
  const object = name.slice(`gs://${source.bucket}/`.length);
  const crc32c = checksum === version ? undefined : checksum;
  return streamer.open({ bucket: source.bucket, object, generation: version, bytes, crc32c }, fromByte, signal);
}
