import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { ConfigError, type Config } from '../config/index.js';
import { TablesError, TablesFileError } from './errors.js';
import { parseTables } from './parse.js';
import type { TopicTable } from './schema.js';

/** Largest file; twenty tables of a thousand columns have half of it. */
const MAX_FILE_BYTES = 1_048_576;

/**
 * Reads a file of tables for sinks whose own tables are in this database. Throws TablesFileError where it can't be read,
 * TablesError where it is wrong.
 */
export async function readTables(file: string, database: string): Promise<TopicTable[]> {
  const bytes = await readBounded(file);
  if (!isUtf8(bytes)) throw new TablesError(file, ['the file: no UTF-8']);
  return parseTables(bytes.toString('utf8'), file, database);
}

/**
 * The tables of PENSTOCK_SINK_TABLES_FILE; none where it is not set. Throws ConfigError where the file can't be used.
 */
export async function openTables({
  PENSTOCK_SINK_TABLES_FILE: file,
  PENSTOCK_CLICKHOUSE_DATABASE: database,
}: Pick<Config, 'PENSTOCK_SINK_TABLES_FILE' | 'PENSTOCK_CLICKHOUSE_DATABASE'>): Promise<TopicTable[]> {
  if (file === undefined) return [];
  try {
    return await readTables(file, database);
  } catch (error) {
    if (!(error instanceof TablesError || error instanceof TablesFileError)) throw error;
    throw new ConfigError(`PENSTOCK_SINK_TABLES_FILE:\n${error.message}`, { cause: error });
  }
}

async function readBounded(file: string): Promise<Buffer> {
  try {
    const found = await stat(file);
    // Opening a pipe would wait for a writer.
    if (!found.isFile()) throw new Error('no regular file');
    if (found.size > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES} bytes`);
    return await readFile(file);
  } catch (error) {
    throw new TablesFileError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
