import type { DuckDBConnection, DuckDBType, Json } from '@duckdb/node-api';

/** DuckDB can't do what it was asked for. */
export class DatabaseError extends Error {
  override name = 'DatabaseError';
}

/** A DuckDB of its own, in memory, that spills into a folder. All of it throws DatabaseError. */
export interface Database {
  run(sql: string): Promise<void>;
  /** Rows of texts: whatever a value is, it comes as DuckDB writes it, so that nothing rounds. */
  rows(sql: string): Promise<(string | null)[][]>;
  /** Names and types of what a query gives. */
  columns(sql: string): Promise<{ name: string; type: DuckDBType }[]>;
  close(): void;
}

const MEMORY = '1GB';
const THREADS = '2';

/** Loads DuckDB on the first call: no other verb pays for it. */
export async function openDatabase(folder: string): Promise<Database> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: MEMORY,
    threads: THREADS,
    temp_directory: folder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    run: async (sql) => {
      await connection.run(sql).catch(fail);
    },
    rows: (sql) => textRows(connection, sql),
    columns: async (sql) => {
      const result = await connection.run(sql).catch(fail);
      return result.columnNames().map((name, index) => ({ name, type: result.columnType(index) }));
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function textRows(connection: DuckDBConnection, sql: string): Promise<(string | null)[][]> {
  const reader = await connection.runAndReadAll(sql).catch(fail);
  return reader.getRowsJson().map((row) => row.map(asText));
}

/** Of its message the first line, as others are a hint, the statement, or options. */
function fail(cause: unknown): never {
  const [message = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  throw new DatabaseError(message, { cause });
}

function asText(value: Json): string | null {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(value);
}
