import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetPosition } from '../../domain/index.js';
import { cutPieces, type Piece, type Position, type RecordInput } from '../records/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { inputsOfPlan, type NumberedInput } from './inputRecords.js';
import type { FilesSource } from './inputs.js';
import { readFile } from './readFile.js';
import type { StageCall } from './stageCall.js';

/** Cuts of the files of a share, from a position on. Their files are in `dir`, and whoever made it takes it away. */
export async function* readFiles(
  dependencies: DatasetDependencies,
  call: StageCall,
  of: { source: FilesSource; share: readonly [number, number]; from: DatasetPosition | undefined; dir: string },
): AsyncGenerator<Cut> {
  const { source, share, from, dir } = of;
  const { plan, run, manifest, signal } = call;
  const inputs = await inputsOfPlan(dependencies.warehouse, run, plan.planId, share);
  if (inputs.length !== share[1] - share[0])
    throw new Error(`of the inputs ${share[0]} to ${share[1]} ${inputs.length} are known`);
  const numbers = new Map(inputs.map(({ source: name, input }) => [name, input]));
  const start = from === undefined ? undefined : positionOf(from);
  const files = recordInputs(dependencies, call, { source, inputs, dir, skip: start?.input ?? 0 });
  const pieces = cutPieces(files, { format: manifest.format, dir, signal, ...(start && { from: start }) });
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

/** Numbers of the inputs that a piece has records of. */
export function numbersOf(
  { marks, rejected }: Pick<Piece, 'marks' | 'rejected'>,
  numbers: ReadonlyMap<string, number>,
): number[] {
  const sources = new Set([...marks, ...rejected].map(({ source }) => source));
  return [...sources].map((source) => {
    const number = numbers.get(source);
    if (number === undefined) throw new Error(`${source} is no input of the run`);
    return number;
  });
}

async function* recordInputs(
  dependencies: DatasetDependencies,
  { manifest, signal }: StageCall,
  { source, inputs, dir, skip }: { source: FilesSource; inputs: readonly NumberedInput[]; dir: string; skip: number },
): AsyncGenerator<RecordInput> {
  for (const [index, input] of inputs.entries()) {
    const open = (fromByte: number): Promise<AsyncIterable<Uint8Array>> =>
      Promise.resolve(bytesOf(dependencies, source, input, fromByte, signal));
    const file: RecordInput = { source: input.source, open };
    // DuckDB reads Parquet where it likes: it needs a file. Those that are done need none.
    if (manifest.format.type === 'parquet' && index >= skip) {
      const path = join(dir, `input-${index}.parquet`);
      await pipeline(await open(0), createWriteStream(path));
      file.localPath = path;
    }
    yield file;
  }
}

function bytesOf(
  { streamer }: DatasetDependencies,
  source: FilesSource,
  input: NumberedInput,
  fromByte: number,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { source: name, version, checksum, bytes } = input;
  if (source.type === 'files') return readFile(join(source.folder, name), input, fromByte, signal);
  const object = name.slice(`gs://${source.bucket}/`.length);
  const crc32c = checksum === version ? undefined : checksum;
  return streamer.open({ bucket: source.bucket, object, generation: version, bytes, crc32c }, fromByte, signal);
}
