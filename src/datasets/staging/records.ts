import type { Manifest } from '../manifest/schema.js';
import { isNullable, parseColumnType } from '../manifest/columnType.js';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { jsonPointer, segmentsOf } from './paths.js';
import { JSON_TEXT } from './source.js';
import { literal } from './sql.js';

/** Columns that these first records have are there. */
const FIRST_RECORDS = 2_048;

/**
 * Why a piece of JSON can't be staged: no record has a column that may not be nothing. A column that may be is often left
 * out of a record that has nothing in it, and so may be left out of all records of a piece.
 */
export async function findMissingKeys(
  { columns, enrich, schema }: Manifest,
  records: string,
  session: Session,
): Promise<string | undefined> {
  if (schema.missingColumns === 'null') return undefined;
  const filled = new Set(enrich.flatMap(({ take }) => Object.keys(take)));
  const needed = columns.filter((column) => {
    const type = parseColumnType(column.type);
    return (
      column.expression === undefined &&
      !filled.has(column.name) &&
      column.default === undefined &&
      type !== undefined &&
      !isNullable(type)
    );
  });
  let missing = [...new Set(needed.map(({ name, from }) => from ?? name))];
  for (const limit of [` LIMIT ${FIRST_RECORDS}`, '']) {
    if (missing.length === 0) return undefined;
    const exist = missing.map(
      (path) => `COALESCE(bool_or(TRY(json_exists(${JSON_TEXT}, ${literal(jsonPointer(segmentsOf(path)))}))), false)`,
    );
    const [found = []] = await session.rows(`SELECT ${exist.join(', ')} FROM (${records}${limit})`);
    missing = missing.filter((_, index) => found[index] !== true);
  }
  if (missing.length === 0) return undefined;
  const keys = await session.rows(
    `SELECT DISTINCT unnest(TRY(json_keys(${JSON_TEXT}))) AS name FROM (${records}) ORDER BY name LIMIT 100`,
  );
  return `no record has ${missing.join(', ')}; they have ${keys.map(([key]) => String(key)).join(', ')}`;
}

/**
 * DuckDB reads times of Parquet in nanoseconds and UTC as microseconds, which would lose the rest without a word.
 * `where` begins the message.
 */
export async function refuseNanoseconds(path: string, where: string, session: Session): Promise<void> {
  const found = await session.rows(
    `SELECT DISTINCT name FROM parquet_schema(${literal(path)}) WHERE logical_type LIKE '%isAdjustedToUTC=1%NANOS=NanoSeconds%' ORDER BY name LIMIT 10`,
  );
  if (found.length === 0) return;
  const names = found.map(([name]) => String(name)).join(', ');
  throw new StagingError(
    `${where}: times in nanoseconds and UTC can't be read without loss: ${names}; write microseconds, or texts`,
  );
}
