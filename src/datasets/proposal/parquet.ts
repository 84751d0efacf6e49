import { symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DuckDBType } from '@duckdb/node-api';
import { identifier, literal } from '../staging/sql.js';
import type { Database } from './database.js';
import { ProposalError } from './errors.js';
import { columnAt, makeTable, MOST_COLUMNS, type SampleColumn, type SampleTable } from './table.js';

/** Structures within structures so deep become columns; deeper ones are JSON. */
const DEPTH = 5;

interface Leaf {
  path: string[];
  holds: SampleColumn['holds'];
  /** Of DuckDB's SQL. */
  expression: string;
}

/** Makes the table of a Parquet file; its columns know their types. */
export async function tableOfParquet(db: Database, file: string, folder: string, most: number): Promise<SampleTable> {
  // A name with * or [ in it would be a pattern.
  const path = join(folder, 'sample.parquet');
  await symlink(resolve(file), path);
  const source = `read_parquet(${literal(path)})`;
  const found = await db.columns(`SELECT * FROM ${source} LIMIT 0`);
  const leaves = found.flatMap(({ name, type }) => leavesOf([name], type, identifier(name)));
  if (leaves.length > MOST_COLUMNS)
    throw new ProposalError(`it has ${leaves.length} columns; a manifest has at most ${MOST_COLUMNS}`);
  const shown = leaves.map(({ expression }, index) => `${expression} AS ${columnAt(index)}`);
  const { rows, isCut } = await makeTable(db, `SELECT ${shown.join(', ')} FROM ${source}`, most);
  if (rows === 0) throw new ProposalError('no rows are in it');
  const columns = leaves.map((leaf, index) => ({
    from: leaf.path.join('.'),
    sql: columnAt(index),
    holds: leaf.holds,
  }));
  return { format: { type: 'parquet' }, rows, isWhole: !isCut, columns, notes: [] };
}

function leavesOf(path: string[], type: DuckDBType, sql: string): Leaf[] {
  if ('entryTypes' in type && 'entryNames' in type && path.length < DEPTH) {
    const { entryNames, entryTypes } = type;
    return entryTypes.flatMap((entry, index) => {
      const name = entryNames[index] ?? '';
      return leavesOf([...path, name], entry, `struct_extract(${sql}, ${literal(name)})`);
    });
  }
  const known = typeOf(type);
  if (known !== undefined) return [{ path, holds: { type: known }, expression: sql }];
  if (String(type) === 'VARCHAR') return [{ path, holds: 'text', expression: sql }];
  return [{ path, holds: 'json', expression: `CAST(to_json(${sql}) AS VARCHAR)` }];
}

const NAMED: Readonly<Record<string, string>> = {
  BOOLEAN: 'Bool',
  ...{ TINYINT: 'Int8', SMALLINT: 'Int16', INTEGER: 'Int32', BIGINT: 'Int64', HUGEINT: 'Int128' },
  ...{ UTINYINT: 'UInt8', USMALLINT: 'UInt16', UINTEGER: 'UInt32', UBIGINT: 'UInt64', UHUGEINT: 'UInt128' },
  ...{ FLOAT: 'Float32', DOUBLE: 'Float64', UUID: 'UUID', DATE: 'Date32' },
  ...{ TIMESTAMP_S: "DateTime64(0, 'UTC')", TIMESTAMP_MS: "DateTime64(3, 'UTC')", TIMESTAMP: "DateTime64(6, 'UTC')" },
  ...{ TIMESTAMP_NS: "DateTime64(9, 'UTC')", 'TIMESTAMP WITH TIME ZONE': "DateTime64(6, 'UTC')" },
};

/** The type of ClickHouse that holds one of Parquet; undefined where none of the manifest does, or a text has to say. */
function typeOf(type: DuckDBType): string | undefined {
  const name = String(type);
  if (Object.hasOwn(NAMED, name)) return NAMED[name];
  const [, precision, scale] = /^DECIMAL\((\d+),\s?(\d+)\)$/.exec(name) ?? [];
  if (precision !== undefined && scale !== undefined) return `Decimal(${precision}, ${scale})`;
  if ('valueType' in type && !('keyType' in type)) {
    const of = String(type.valueType) === 'VARCHAR' ? 'String' : typeOf(type.valueType);
    return of === undefined ? undefined : `Array(${of})`;
  }
  return undefined;
}
