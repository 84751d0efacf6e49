import type { Warehouse } from '../../warehouse/index.js';
import { allRowsName, storageName } from './names.js';
import { readRemembered, type Remembered } from './remembered.js';
import { readTtl, type TimeToLive } from './ttl.js';
import { readFingerprint } from './views.js';

/** A column of a storage. */
export interface ExistingColumn {
  name: string;
  /** As ClickHouse writes it. */
  type: string;
  comment: string;
  /** Like `Delta(8), ZSTD(1)`; undefined: the server's default. */
  codec?: string;
}

/** The storage of a dataset. */
export interface ExistingStorage {
  columns: ExistingColumn[];
  /** Undefined: somebody else's table. */
  remembered?: Remembered;
  /** As ClickHouse writes them; empty: none. */
  partitionKey: string;
  sortingKey: string;
  /** `other`: not as Penstock writes it. */
  ttl?: TimeToLive | 'other';
  dropsWholeParts: boolean;
  /** Rows of any load, published or not. */
  hasRows: boolean;
}

/** What is there under a name of a view. */
export interface ExistingView {
  /** Undefined: somebody else's view, or no view at all. */
  fingerprint?: string;
}

/** What is there under the names that a dataset takes. */
export interface ExistingTable {
  storage?: ExistingStorage;
  all?: ExistingView;
  view?: ExistingView;
}

interface TableRow {
  name: string;
  engine: string;
  engine_full: string;
  as_select: string;
  comment: string;
  partition_key: string;
  sorting_key: string;
  has_rows: number;
}

type ColumnRow = Record<'name' | 'type' | 'comment' | 'compression_codec', string>;

/** Reads what a dataset has in ClickHouse; undefined: nothing. Throws WarehouseError. */
export async function readTable(warehouse: Warehouse, dataset: string): Promise<ExistingTable | undefined> {
  const names = { storage: storageName(dataset), all: allRowsName(dataset), view: dataset };
  const params = { database: warehouse.database, storage: names.storage, names: Object.values(names) };
  const tables = await warehouse.query<TableRow>(
    `SELECT name, engine, engine_full, as_select, comment, partition_key, sorting_key,
       ifNull(total_rows, 0) > 0 AS has_rows
     FROM system.tables WHERE database = {database:String} AND name IN {names:Array(String)}`,
    params,
  );
  if (tables.length === 0) return undefined;
  const columns = await warehouse.query<ColumnRow>(
    `SELECT name, type, comment, compression_codec FROM system.columns
     WHERE database = {database:String} AND table = {storage:String} ORDER BY position`,
    params,
  );
  const found = (wanted: string): TableRow | undefined => tables.find(({ name }) => name === wanted);
  const [storage, all, view] = [found(names.storage), found(names.all), found(names.view)];
  return {
    ...(storage && { storage: storageOf(storage, columns) }),
    ...(all && { all: viewOf(all) }),
    ...(view && { view: viewOf(view) }),
  };
}

function storageOf(table: TableRow, columns: readonly ColumnRow[]): ExistingStorage {
  const remembered = readRemembered(table.comment);
  const ttl = readTtl(table.engine_full);
  return {
    columns: columns.map(columnOf),
    ...(remembered && { remembered }),
    partitionKey: table.partition_key,
    sortingKey: table.sorting_key,
    ...(ttl && { ttl }),
    dropsWholeParts: /\bttl_only_drop_parts = (?:1|true)\b/.test(table.engine_full),
    hasRows: table.has_rows !== 0,
  };
}

function columnOf({ name, type, comment, compression_codec: codec }: ColumnRow): ExistingColumn {
  const [, list] = /^CODEC\((.*)\)$/s.exec(codec) ?? [];
  return { name, type, comment, ...(list !== undefined && { codec: list }) };
}

function viewOf({ engine, as_select: select }: TableRow): ExistingView {
  const fingerprint = engine === 'View' ? readFingerprint(select) : undefined;
  return fingerprint === undefined ? {} : { fingerprint };
}
