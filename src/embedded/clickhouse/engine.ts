import { createRequire } from 'node:module';
import type * as Chdb from 'chdb';
import { exception } from './exceptions.js';
import { createGate } from './gate.js';

/** What one statement did. Counts are the engine's; rows written include those of materialized views. */
export interface Outcome {
  result: Uint8Array;
  elapsedNs: number;
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
}

/**
 * The ClickHouse engine in this process, on one data directory. Each request gets a connection of its own (0.1 ms), so
 * settings, parameters and the current database of one request never reach another.
 */
export interface Engine {
  version: string;
  timezone: string;
  connect(): Connection;
  close(): Promise<void>;
}

/** Calls run on libuv's threads, not on the JavaScript thread; one at a time per connection. */
export interface Connection {
  run(sql: string, format: string): Promise<Outcome>;
  /** Pieces of the result as the engine makes them; only for SELECT. Ending the iteration early cancels the query. */
  stream(sql: string, format: string): AsyncIterable<Uint8Array>;
  /** An INSERT that ends before its data (without the line feed between them), and the data in the format it names. */
  insert(statement: string, rows: Buffer): Promise<Outcome>;
  close(): void;
}

interface Native {
  InsertRawAsyncConnection(
    connection: unknown,
    statement: string,
    payload: Buffer,
    countLines: boolean,
  ): Promise<{ elapsed: number; rowsWritten: number; bytesWritten: number }>;
}

/**
 * Opens (and creates) the data directory. One process at a time can have it open. At most `threads` calls run at once,
 * so that libuv's pool keeps a thread for gzip.
 */
export function openEngine(path: string, threads: number): Engine {
  const { chdb, native } = loadChdb();
  const gate = createGate(threads);
  const root = new chdb.Session(path);
  const [version = '', timezone = 'UTC'] = root
    .query('SELECT version(), timezone()', 'TabSeparated')
    .trim()
    .split('\t');
  return {
    version,
    timezone,
    connect: () => connection(new chdb.Session(path), native, gate),
    close: async () => {
      await chdb.drainPending();
      root.close();
    },
  };
}

type Gate = ReturnType<typeof createGate>;

function connection(session: Chdb.Session, native: Native, gate: Gate): Connection {
  return {
    run: async (sql, format) => {
      const outcome = await gate(() => session.queryAsync(sql, { format }));
      return {
        ...NOTHING,
        result: outcome.bytes(),
        elapsedNs: Math.round(outcome.elapsed * 1e9),
        readRows: outcome.rowsRead,
        readBytes: outcome.bytesRead,
      };
    },
    stream: async function* (sql, format) {
      const chunks = session.queryStream(sql, { format })[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await gate(() => chunks.next());
          if (next.done === true) return;
          yield next.value.raw();
        }
      } finally {
        await chunks.return?.();
      }
    },
    insert: async (statement, rows) => {
      // Not session.insert(): that one knows table and format only, this one takes the statement as it came.
      const outcome = await gate(() => native.InsertRawAsyncConnection(session.connection, statement, rows, false));
      const { rowsWritten, bytesWritten } = outcome;
      return {
        ...NOTHING,
        elapsedNs: Math.round(outcome.elapsed * 1e9),
        readRows: rowsWritten,
        readBytes: bytesWritten,
        writtenRows: rowsWritten,
        writtenBytes: bytesWritten,
      };
    },
    close: () => session.close(),
  };
}

export const NOTHING: Outcome = {
  result: new Uint8Array(0),
  elapsedNs: 0,
  readRows: 0,
  readBytes: 0,
  writtenRows: 0,
  writtenBytes: 0,
};

/** chdb is a development dependency: loaded here alone, and only when the embedded server starts. */
function loadChdb(): { chdb: typeof Chdb; native: Native } {
  const require = createRequire(import.meta.url);
  try {
    const chdb = require('chdb') as typeof Chdb;
    const { loadNative } = createRequire(require.resolve('chdb'))('./dist/loader.js') as { loadNative: () => Native };
    return { chdb, native: loadNative() };
  } catch (error) {
    throw new Error(
      'The embedded ClickHouse needs the npm package chdb (a development dependency; Linux with glibc or macOS). ' +
        'Install it with `npm install`, or give the address of a ClickHouse server.',
      { cause: error },
    );
  }
}

/** The engine's answer to a streamed statement that is no SELECT after all (`WITH … INSERT`): run it whole. */
export function isNotStreamable(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Streaming query is not supported');
}

/** `SET a = '1', …` for a connection. Names are checked here, values by the engine. */
export function setStatement(settings: ReadonlyMap<string, string>): string {
  const parts = [...settings].map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw exception(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'`);
    return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  });
  return `SET ${parts.join(', ')}`;
}
