import { InputError } from './inputError.js';
import { openAhead, type Inputs } from './openAhead.js';
import type { Piece, Position } from './piece.js';
import { literalPath } from './readers.js';

/**
 * Pieces of rows of Parquet files on this disk. They are cut by the row count of the file's footer; whether its pages can
 * be read, who reads them finds out. `Position.byte` is rows that are done.
 */
export async function* cutParquet(
  inputs: Inputs,
  options: { maxRecords: number; limit: number; from: Position | undefined; signal: AbortSignal | undefined },
): AsyncGenerator<Piece, void, undefined> {
  const { maxRecords, limit, from, signal } = options;
  let last: Piece | undefined;
  let left = limit;
  for await (const { index, input } of openAhead(inputs, { first: from?.input ?? 0, ahead: 0, signal })) {
    const { source, localPath } = input;
    if (localPath === undefined) throw new InputError(source, 'Parquet is read from a file on this disk');
    const rows = await countRows(localPath, source);
    for (let firstRow = from?.input === index ? from.byte : 0; firstRow < rows;) {
      if (last !== undefined) yield { ...last, next: { input: index, byte: firstRow, line: firstRow + 1 } };
      const records = Math.min(maxRecords, left, rows - firstRow);
      const marks = [{ record: 0, source, line: firstRow + 1 }];
      last = { kind: 'parquet', path: localPath, firstRow, records, read: records, rejected: [], marks };
      firstRow += records;
      left -= records;
      if (left > 0) continue;
      // As for texts: whether another input comes is not asked.
      const isDone = firstRow >= rows;
      yield {
        ...last,
        next: { input: isDone ? index + 1 : index, byte: isDone ? 0 : firstRow, line: isDone ? 1 : firstRow + 1 },
      };
      return;
    }
  }
  if (last !== undefined) yield last;
}

async function countRows(path: string, source: string): Promise<number> {
  // Loaded only here: what reads texts needs none of its 70 MB.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    const answer = await connection.runAndReadAll(`SELECT num_rows FROM parquet_file_metadata(${literalPath(path)})`);
    return Number(answer.getRowsJS()[0]?.[0] ?? 0);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(source, `is no whole Parquet file: ${why.replaceAll(path, source)}`, { cause: error });
  } finally {
    instance.closeSync();
  }
}
