import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { toWarehouseError } from './errors.js';

/** Rows that go from or to a file of this machine as they are. */
export interface FileTransfer {
  /** `INSERT INTO … SELECT … FROM input('…')`, or a SELECT; without its FORMAT. */
  sql: string;
  format: 'Parquet' | 'JSONEachRow';
  path: string;
  /** Milliseconds after which the outcome counts as unknown. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Inserts the rows of a file. The statement goes before them in the body: as a part of the address it would be longer than
 * servers and proxies take where a table has many columns. Not repeated here: after an `unavailable` error they may be stored or not. Throws
 * WarehouseError.
 */
export async function insertFile(client: ClickHouseClient, transfer: FileTransfer): Promise<void> {
  const { sql, format, path, timeoutMs, signal } = transfer;
  const body = Readable.from(statementAndRows(`${sql} FORMAT ${format}\n`, path), { objectMode: false });
  try {
    const { stream } = await client.exec({
      query: '',
      values: body,
      clickhouse_settings: { wait_end_of_query: 1 },
      abort_signal: bounded(timeoutMs, signal),
    });
    // Read to its end, or the connection would not go back to the pool.
    await finished(stream.resume());
  } catch (error) {
    throw toWarehouseError(error);
  } finally {
    body.destroy();
  }
}

async function* statementAndRows(statement: string, path: string): AsyncGenerator<Buffer> {
  yield Buffer.from(statement);
  yield* createReadStream(path) as AsyncIterable<Buffer>;
}

/** Writes the rows of a SELECT into a file, which is made anew. Throws WarehouseError. */
export async function selectIntoFile(client: ClickHouseClient, transfer: FileTransfer): Promise<void> {
  const { sql, format, path, timeoutMs, signal } = transfer;
  try {
    const { stream } = await client.exec({
      query: `${sql} FORMAT ${format}`,
      // The status is final before the first byte: half a file would look like a whole one.
      clickhouse_settings: { wait_end_of_query: 1, ...sizeFor(sql) },
      abort_signal: bounded(timeoutMs, signal),
    });
    await pipeline(stream, createWriteStream(path));
  } catch (error) {
    throw toWarehouseError(error);
  }
}

/** A statement may hold what it asks about: by default ClickHouse reads 262,144 bytes of one. */
function sizeFor(sql: string): { max_query_size?: string } {
  const bytes = Buffer.byteLength(sql) + 1_024;
  return bytes > 262_144 ? { max_query_size: String(bytes) } : {};
}

function bounded(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const late = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? late : AbortSignal.any([late, signal]);
}
