import { DuckDBListType, DuckDBStructType, DuckDBTypeId, type DuckDBType } from '@duckdb/node-api';
import { identifier } from './sql.js';

const WITHOUT_ZONE = new Set([
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS,
]);
const NESTED = new Set([
  DuckDBTypeId.LIST,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.UNION,
]);
/** JSON's numbers would round these, or they are none of JSON's. */
const NOT_OF_JSON = new Set([
  DuckDBTypeId.BLOB,
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.TIMESTAMP_TZ,
]);

/**
 * SQL of a value of DuckDB as its text, exactly: decimals and 64 bits with all their digits, floats with as many as tell
 * them apart, times with their fraction, bytes as UTF-8 (else NULL: see isBytes), lists and structs as JSON. A time
 * without a zone is `local`, or in UTC.
 */
export function textOf(value: string, type: DuckDBType, times: 'local' | 'utc'): string {
  if (type.typeId === DuckDBTypeId.VARCHAR) return value;
  if (isBytes(type)) return `TRY(decode(${value}))`;
  if (WITHOUT_ZONE.has(type.typeId) && times === 'utc') return `(CAST(${value} AS VARCHAR) || 'Z')`;
  if (NESTED.has(type.typeId)) return `CAST(to_json(${exact(value, type, times)}) AS VARCHAR)`;
  return `CAST(${value} AS VARCHAR)`;
}

/** Bytes that are no UTF-8 have no text. */
export function isBytes(type: DuckDBType): boolean {
  return type.typeId === DuckDBTypeId.BLOB;
}

/** What JSON's numbers could not hold becomes a text in it. */
function exact(value: string, type: DuckDBType, times: 'local' | 'utc', depth = 0): string {
  if (type instanceof DuckDBListType) {
    const one = `v${depth}`;
    return `list_transform(${value}, lambda ${one}: ${exact(one, type.valueType, times, depth + 1)})`;
  }
  if (type instanceof DuckDBStructType) {
    const fields = type.entryNames.map((name, index) => {
      const of = type.entryTypes[index];
      const field = `${value}.${identifier(name)}`;
      return `${identifier(name)} := ${of === undefined ? field : exact(field, of, times, depth)}`;
    });
    return `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`;
  }
  if (NOT_OF_JSON.has(type.typeId) || WITHOUT_ZONE.has(type.typeId)) return textOf(value, type, times);
  return value;
}
