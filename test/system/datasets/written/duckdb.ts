import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

/** Rows of a group of Parquet: the fewest that DuckDB writes, so that small files have several. */
const GROUP_ROWS = 2_048;

/**
 * Parquet with the columns of these names and types of DuckDB; values are texts as DuckDB casts them. Throws what DuckDB
 * throws for a value that its type can't hold.
 */
export async function parquetBytes(
  columns: Readonly<Record<string, string>>,
  rows: readonly (readonly (string | null)[])[],
): Promise<Buffer> {
  const names = Object.keys(columns);
  return written(async (connection, file) => {
    await fill(connection, names, rows);
    const cast = Object.entries(columns).map(([name, type]) => `CAST("${name}" AS ${type}) AS "${name}"`);
    await connection.run(
      `COPY (SELECT ${cast.join(', ')} FROM written) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE ${GROUP_ROWS})`,
    );
  });
}

/** Lines compressed with Zstandard, a line feed after each. Node 20 has none. */
export async function zstdLines(lines: readonly string[]): Promise<Buffer> {
  return written(async (connection, file) => {
    await fill(
      connection,
      ['line'],
      lines.map((line) => [line]),
    );
    await connection.run(
      `COPY written TO '${file}' (FORMAT csv, HEADER false, DELIMITER '', QUOTE '', ESCAPE '', COMPRESSION zstd)`,
    );
  });
}

async function fill(
  connection: DuckDBConnection,
  names: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): Promise<void> {
  await connection.run(`CREATE TABLE written (${names.map((name) => `"${name}" VARCHAR`).join(', ')})`);
  const appender = await connection.createAppender('written');
  for (const row of rows) {
    for (const value of row)
      if (value === null) appender.appendNull();
      else appender.appendVarchar(value);
    appender.endRow();
  }
  appender.closeSync();
}

/** What is written by one thread is the same each time. */
async function written(write: (connection: DuckDBConnection, file: string) => Promise<void>): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'penstock-written-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    const file = path.join(folder, 'file');
    await write(connection, file);
    connection.closeSync();
    return await readFile(file);
  } finally {
    instance.closeSync();
    await rm(folder, { recursive: true });
  }
}
