import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ClickHouseLogLevel, createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import { joinLines, joinPacked, type EncodedRow } from './encode.js';
import { toWarehouseError } from './errors.js';
import { insertFile, selectIntoFile, type FileTransfer } from './files.js';
import type { Target } from './rows.js';

/** Values for `{name:Type}` in a statement. */
export type QueryParams = Record<string, string | number | boolean | readonly string[] | readonly number[]>;

/** ClickHouse over HTTP. Every method throws `WarehouseError`. */
export interface Warehouse {
  /**
   * Inserts rows of a table, each in the target's format. Not repeated here: after an `unavailable` error the rows may
   * be stored or not.
   */
  insert(
    options: Target & {
      rows: readonly EncodedRow[];
      /** Milliseconds after which the outcome counts as unknown. */
      timeoutMs: number;
      signal?: AbortSignal;
    },
  ): Promise<void>;
  /** Rows of a SELECT; 64-bit integers come as strings, so that they can't round. */
  query<Row>(sql: string, params?: QueryParams): Promise<Row[]>;
  /** A statement without rows. */
  command(sql: string, params?: QueryParams): Promise<void>;
  /** Inserts the rows of a file. Not repeated here: after an `unavailable` error they may be stored or not. */
  insertFile(transfer: FileTransfer): Promise<void>;
  /** Writes the rows of a SELECT into a file. */
  selectIntoFile(transfer: FileTransfer): Promise<void>;
  /** Rejects when the server does not answer within the time. */
  ping(timeoutMs: number): Promise<void>;
  /** Days after its upload that an image stays in the tables. */
  readonly retentionDays: number;
  readonly database: string;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  url: string;
  username: string;
  password: string;
  database: string;
}

/** Milliseconds that a query or statement may take. */
const QUERY_TIMEOUT_MS = 120_000;
/** The answer comes when the work is done, so that its status is final. */
const WAIT = { wait_end_of_query: 1 } as const;

export function createWarehouse(config: Config, log: Logger): Warehouse {
  return connectWarehouse(
    {
      url: config.PENSTOCK_CLICKHOUSE_URL,
      username: config.PENSTOCK_CLICKHOUSE_USER,
      password: config.PENSTOCK_CLICKHOUSE_PASSWORD,
      database: config.PENSTOCK_CLICKHOUSE_DATABASE,
    },
    { retentionDays: config.PENSTOCK_RETENTION_DAYS, log },
  );
}

export function connectWarehouse(
  connection: ConnectionOptions,
  { retentionDays, log }: { retentionDays: number; log: Logger },
): Warehouse {
  const client = createClickHouse(connection);
  return {
    retentionDays,
    database: connection.database,
    insert: async ({ rows, timeoutMs, signal, ...target }) => {
      const { table } = target;
      const deadline = new AbortController();
      const end = (): void => deadline.abort();
      const timer = setTimeout(() => {
        log.warn({ table, rows: rows.length, timeoutMs }, 'insert took too long, outcome unknown');
        end();
      }, timeoutMs);
      signal?.addEventListener('abort', end, { once: true });
      try {
        signal?.throwIfAborted();
        // Not client.insert(): it would encode each row again.
        const { stream } = await client.exec({
          query: insertStatement(target),
          values: Readable.from([bodyOf(target, rows)], { objectMode: false }),
          clickhouse_settings: { ...WAIT, ...formatSettings(target) },
          abort_signal: deadline.signal,
        });
        // Read to its end, or the connection would not go back to the pool.
        await finished(stream.resume());
      } catch (error) {
        throw toWarehouseError(error);
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
      }
    },
    query: async <Row>(sql: string, params: QueryParams = {}) => {
      try {
        const answer = await client.query({ query: sql, query_params: params, format: 'JSONEachRow' });
        return await answer.json<Row>();
      } catch (error) {
        throw toWarehouseError(error);
      }
    },
    command: async (sql, params = {}) => {
      try {
        await client.command({ query: sql, query_params: params, clickhouse_settings: WAIT });
      } catch (error) {
        throw toWarehouseError(error);
      }
    },
    insertFile: (transfer) => insertFile(client, transfer),
    selectIntoFile: (transfer) => selectIntoFile(client, transfer),
    ping: async (timeoutMs) => {
      const answer = await client.ping({ select: false, abort_signal: AbortSignal.timeout(timeoutMs) });
      if (!answer.success) throw answer.error;
    },
    close: () => client.close(),
  };
}

function insertStatement({ table, columns, format = 'JSONCompactEachRow', select = '' }: Target): string {
  const list = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  return `INSERT INTO ${table}${list} ${select} FORMAT ${format}`;
}

function bodyOf({ format }: Target, rows: readonly EncodedRow[]): Buffer {
  return format === 'RowBinary' ? joinPacked(rows) : joinLines(rows);
}

/** What others write: their times are ISO 8601, and their fields may be more than the table has. */
function formatSettings({ format, skipsUnknownFields = false }: Target): ClickHouseSettings {
  if (format !== 'JSONEachRow') return {};
  return { date_time_input_format: 'best_effort', input_format_skip_unknown_fields: skipsUnknownFields ? 1 : 0 };
}

/**
 * The client with the settings that Penstock relies on. Sockets that idled longer than 2 s are not used again, since
 * the server may be about to close them (ClickHouse's keep_alive_timeout is 3 s to 30 s); the pool is bounded.
 */
export function createClickHouse(connection: ConnectionOptions): ClickHouseClient {
  return createClient({
    url: connection.url,
    username: connection.username,
    password: connection.password,
    database: connection.database,
    application: 'penstock',
    request_timeout: QUERY_TIMEOUT_MS,
    max_open_connections: 8,
    keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
    // Errors reach the caller; the client would print them to stderr besides, past the one logger.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      // Penstock forms the blocks itself; an acknowledgement must mean that the rows are in the table.
      async_insert: 0,
      output_format_json_quote_64bit_integers: 1,
      date_time_output_format: 'iso',
    },
  });
}
