import { MOST_JSON_BYTES } from './jsonScan.js';
import { MOST_RECORD_BYTES } from './separatedScan.js';
import { separatorsOf, type SeparatedFormat } from './separators.js';

/** A record is written with empty columns that it lacked, or with quotes around numbers, and is longer than it was read. */
const ROOM = 1.25;

/** Holds two of the longest lines. By itself DuckDB takes sixteen times the longest, more than it is allowed. */
const BUFFER_BYTES = 2 * ROOM * Math.max(MOST_RECORD_BYTES, MOST_JSON_BYTES);

/**
 * What follows FROM to read a piece of separated values in DuckDB: all columns are VARCHAR, no field is NULL, and rows
 * come in the order of the piece as long as preserve_insertion_order is on, as it is by default.
 *
 * A field is NULL that equals `nullstr` and has no quotes: a line feed is in none. One thread reads it: where several
 * do, each guesses where a record begins, and with line ends within quotes DuckDB 1.5 refuses most hard files, and
 * reads a few wrong. Who wants more threads reads several pieces at a time.
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
    `buffer_size = ${BUFFER_BYTES}`,
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
