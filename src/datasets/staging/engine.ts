import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOB, blobValue, DuckDBInstance, type DuckDBConnection, type DuckDBType } from '@duckdb/node-api';
import { StagingError } from './errors.js';
import { identifier, listOf, literal } from './sql.js';

export interface EngineOptions {
  /** Folder that is written to, and spilled to. */
  dir: string;
  /** Further folders that are read. */
  folders?: readonly string[];
  memoryBytes: number;
  threads: number;
}

export interface DescribedColumn {
  name: string;
  type: DuckDBType;
}

type Value = string | number | bigint | boolean | null;

/** Most of a message of DuckDB that is told. */
const MOST_MESSAGE = 500;

/**
 * A DuckDB in memory that reads and writes its folders and nothing else: no network, no extensions, and settings that no
 * statement can change. Joins keep the order that they are written in, so that a piece is never the side held in memory.
 */
export async function openEngine({ dir, folders = [], memoryBytes, threads }: EngineOptions): Promise<DuckDBInstance> {
  const spill = join(dir, 'spill');
  await mkdir(spill, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(memoryBytes / 1024)}KiB`,
    threads: String(threads),
    temp_directory: spill,
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const session = new Session(await instance.connect());
  try {
    await session.run("SET GLOBAL TimeZone = 'UTC'");
    await session.run("SET GLOBAL disabled_optimizers = 'join_order,build_side_probe_side'");
    await session.run(`SET GLOBAL allowed_directories = ${listOf([dir, ...folders].map(literal))}`);
    await session.run('SET GLOBAL enable_external_access = false');
    await session.run('SET GLOBAL lock_configuration = true');
  } catch (error) {
    instance.closeSync();
    throw error;
  } finally {
    session.close();
  }
  return instance;
}

/** One connection. Every failure is a StagingError. */
export class Session {
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async run(sql: string): Promise<void> {
    await this.#asking(() => this.#connection.run(sql));
  }

  /** Rows of a small answer, numbers of 64 bits as bigint. */
  async rows(sql: string): Promise<Value[][]> {
    const reader = await this.#asking(() => this.#connection.runAndReadAll(sql));
    return reader.getRows().map((row) => row.map(plain));
  }

  /** The only value of an answer. */
  async value(sql: string): Promise<Value> {
    return (await this.rows(sql))[0]?.[0] ?? null;
  }

  /** Writes a file, and gives the number of its rows. */
  async copy(select: string, path: string, format: string): Promise<number> {
    return Number(await this.value(`COPY (${select}) TO ${literal(path)} (${format})`));
  }

  /** Columns of a SELECT, which is bound and not run. */
  async describe(select: string): Promise<DescribedColumn[]> {
    const prepared = await this.#asking(() => this.#connection.prepare(select));
    try {
      return Array.from({ length: prepared.columnCount }, (_, index) => ({
        name: prepared.columnName(index),
        type: prepared.columnType(index),
      }));
    } finally {
      prepared.destroySync();
    }
  }

  /** Bytes that a statement finds as getvariable(name), so that they are in none. */
  async setBytes(name: string, bytes: Uint8Array): Promise<void> {
    await this.#asking(() => this.#connection.run(`SET VARIABLE ${identifier(name)} = $1`, [blobValue(bytes)], [BLOB]));
  }

  /** Appends rows to a table of this connection. */
  async append(table: string, rows: Iterable<readonly (string | bigint)[]>): Promise<void> {
    await this.#asking(async () => {
      const appender = await this.#connection.createAppender(table, 'main', 'temp');
      try {
        for (const row of rows) {
          for (const value of row)
            if (typeof value === 'string') appender.appendVarchar(value);
            else appender.appendBigInt(value);
          appender.endRow();
        }
      } finally {
        appender.closeSync();
      }
    });
  }

  interrupt(): void {
    this.#connection.interrupt();
  }

  close(): void {
    this.#connection.closeSync();
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof StagingError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new StagingError(`DuckDB: ${message.split('\n\n')[0]?.slice(0, MOST_MESSAGE) ?? ''}`, { cause: error });
    }
  }
}

function plain(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return value;
  throw new StagingError(`DuckDB answered with a ${typeof value} where a plain value was asked for`);
}
