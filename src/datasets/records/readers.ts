import { MOST_JSON_BYTES } from './jsonScan.js';
import { MOST_RECORD_BYTES } from './separatedScan.js';
import { separatorsOf, type SeparatedFormat } from './separators.js';

/** What columns a record may have more than was read, and quotes around numbers of JSON. */
const ROOM = 1.25;

/**
 * What follows FROM to read a piece of separated values in DuckDB: all columns are VARCHAR, no field is NULL, and rows
 * come in the order of the piece where DuckDB's preserve_insertion_order is on, as it is by default.
 *
 * A field is NULL that is `nullstr` and not quoted: a line feed stands in no such field. One thread reads it: several
 * guess where a record begins, and records with line ends can mislead them.
 */
export function readSeparated(path: string, columns: readonly string[], format: SeparatedFormat): string {
  const { delimiter, quote } = separatorsOf(format);
  const quoted = quote < 0 ? literal('') : literal(String.fromCharCode(quote));
  const names = columns.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
  return readCsv(path, names, [
    `delim = ${literal(String.fromCharCode(delimiter))}`,
    `quote = ${quoted}`,
    `escape = ${quoted}`,
    `max_line_size = ${MOST_RECORD_BYTES * ROOM}`,
  ]);
}

/** What follows FROM to read a piece of JSON in DuckDB: one column `record`, a VARCHAR that holds the line as it is. */
export function readJsonLines(path: string): string {
  return readCsv(path, `'record': 'VARCHAR'`, [
    // No control character is in a line, and so neither quotes nor this mean anything.
    `delim = chr(1)`,
    `quote = ''`,
    `escape = ''`,
    `max_line_size = ${MOST_JSON_BYTES * ROOM}`,
  ]);
}

function readCsv(path: string, columns: string, options: readonly string[]): string {
  const all = [
    literalPath(path),
    `columns = {${columns}}`,
    'auto_detect = false',
    'header = false',
    String.raw`new_line = '\n'`,
    'strict_mode = true',
    'nullstr = chr(10)',
    'allow_quoted_nulls = false',
    'parallel = false',
    ...options,
  ];
  return `read_csv(${all.join(', ')})`;
}

/** A path in SQL. DuckDB would take some of its characters for a pattern. */
export function literalPath(path: string): string {
  return literal(path.replaceAll(/[*?[]/g, '[$&]'));
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
