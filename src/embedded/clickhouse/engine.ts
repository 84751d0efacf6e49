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
  /**
   * `INSERT INTO target [settings] FORMAT format` with the rows that a file holds. Never with rows in the text: chdb
   * reads a blank line there as the end of the data and runs what follows as SQL.
   */
  insert(insert: { target: string; settings: string; format: string; file: string }): Promise<Outcome>;
  /** `INSERT INTO t SELECT … FROM input(structure) …`: the text before and after the table function, whose rows a file holds. */
  insertSelected(insert: {
    before: string;
    structure: string;
    after: string;
    format: string;
    file: string;
  }): Promise<Outcome>;
  close(): void;
}

/**
 * Opens (and creates) the data directory. One process at a time can have it open. At most `threads` calls run at once,
 * so that libuv's pool keeps a thread for gzip.
 */
export function openEngine(path: string, threads: number): Engine {
  const chdb = loadChdb();
  const gate = createGate(threads);
  const root = new chdb.Session(path);
  const [version = '', timezone = 'UTC'] = root
    .query('SELECT version(), timezone()', 'TabSeparated')
    .trim()
    .split('\t');
  return {
    version,
    timezone,
    connect: () => connection(new chdb.Session(path), gate),
    close: async () => {
      await chdb.drainPending();
      root.close();
    },
  };
}

type Gate = ReturnType<typeof createGate>;

function connection(session: Chdb.Session, gate: Gate): Connection {
  const write = async (sql: string): Promise<Outcome> => {
    const outcome = await gate(() => session.queryAsync(sql, { format: 'Null' }));
    return {
      ...NOTHING,
      elapsedNs: Math.round(outcome.elapsed * 1e9),
      readRows: outcome.rowsRead,
      readBytes: outcome.bytesRead,
      writtenRows: outcome.rowsRead,
      writtenBytes: outcome.bytesRead,
    };
  };
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
    insert: ({ target, settings, format, file }) =>
      write(`${target} FROM INFILE ${quoted(file)} COMPRESSION 'none' ${settings} FORMAT ${format}`),
    insertSelected: ({ before, structure, after, format, file }) =>
      write(`${before}file(${quoted(file)}, ${quoted(format)}, ${structure}, 'none')${after}`),
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
function loadChdb(): typeof Chdb {
  try {
    return createRequire(import.meta.url)('chdb') as typeof Chdb;
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
    return `${name} = ${quoted(value)}`;
  });
  return `SET ${parts.join(', ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
