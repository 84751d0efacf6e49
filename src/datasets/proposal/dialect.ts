/** How the fields of a CSV or TSV are told apart. */
export interface Dialect {
  delimiter: string;
  /** Empty: none. */
  quote: '"' | "'" | '';
  /** Lines before the first row. */
  skip: number;
  /** Fields of most rows. */
  width: number;
  /** Rows have a field more than the first row, as where each ends in a delimiter. */
  isTrailing: boolean;
}

const DELIMITERS = [',', ';', '\t', '|'];
/** Looked at for the dialect. */
const MOST_CHARACTERS = 262_144;
const MOST_LINES_BEFORE = 1_000;

interface Row {
  /** From 0. */
  line: number;
  /** Number of fields, or BROKEN. */
  width: number;
  /** Nothing is in its last field. */
  endsEmpty: boolean;
}

/** Width of a row in which quotes are not as they should be. */
const BROKEN = -1;

/**
 * Finds the dialect in which most rows have as many fields as each other. DuckDB's sniff_csv takes another delimiter as
 * soon as some rows are broken, or texts before the header for the only column.
 */
export function findDialect(head: string, delimiters: readonly string[] = DELIMITERS): Dialect {
  const text = head.slice(0, MOST_CHARACTERS);
  const lines = head.length > MOST_CHARACTERS ? text.slice(0, text.lastIndexOf('\n') + 1) || text : text;
  const found = delimiters.flatMap((delimiter) =>
    quotesIn(lines, delimiter).map((quote) => ({ delimiter, quote, rows: rowsOf(lines, delimiter, quote) })),
  );
  const rated = found.map((one) => ({ ...one, ...usualWidth(one.rows) }));
  const best = rated.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));
  return { delimiter: best.delimiter, quote: best.quote, width: best.width, ...beginning(best.rows, best.width) };
}

/** Several fields are better than one, then how many rows agree, then more fields. */
function rateOf({ width, share }: { width: number; share: number }): number {
  return width === 1 ? share / 1_000 : share + Math.min(width, 1_000) / 1_000_000;
}

/** The usual one first: of equal ones it is taken. */
function quotesIn(text: string, delimiter: string): Dialect['quote'][] {
  if (text.includes('"')) return ['"', ''];
  const lines = text.split('\n', 1_000).filter((line) => line.trim() !== '');
  const quoted = new RegExp(`(?:^|[${delimiter}])'.*'(?:[${delimiter}]|\r?$)`);
  // The header may have none.
  return lines.filter((line) => quoted.test(line)).length * 2 > lines.length - 1 ? ["'", '"'] : ['"'];
}

function rowsOf(text: string, delimiter: string, quote: string): Row[] {
  const rows: Row[] = [];
  let line = 0;
  let row: Row = { line, width: 0, endsEmpty: false };
  let rowStart = 0;
  for (let at = 0; at < text.length;) {
    const quoted = quote !== '' && text.charAt(at) === quote ? quoteEnd(text, at, quote) + 1 : at;
    const end = fieldEnd(text, quoted, delimiter);
    line += linesIn(text, at, quoted);
    // Something after the end of a quoted text: no row as it should be.
    const isBroken = quoted > at && text.slice(quoted, end).trim() !== '';
    row.width = isBroken || row.width === BROKEN ? BROKEN : row.width + 1;
    row.endsEmpty = text.slice(at, end).trim() === '';
    at = end + 1;
    if (text.charAt(end) === delimiter && at < text.length) continue;
    if (text.slice(rowStart, end).trim() !== '') rows.push(row);
    line += 1;
    row = { line, width: 0, endsEmpty: false };
    rowStart = at;
  }
  return rows;
}

function fieldEnd(text: string, start: number, delimiter: string): number {
  let end = start;
  while (end < text.length && text.charAt(end) !== delimiter && text.charAt(end) !== '\n') end += 1;
  return end;
}

/** Where the quoted text ends that begins at `start`. */
function quoteEnd(text: string, start: number, quote: string): number {
  let end = text.indexOf(quote, start + 1);
  while (end >= 0 && text.charAt(end + 1) === quote) end = text.indexOf(quote, end + 2);
  return end < 0 ? text.length : end;
}

function linesIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function usualWidth(rows: readonly Row[]): { width: number; share: number } {
  const counts = new Map<number, number>();
  for (const { width } of rows) counts.set(width, (counts.get(width) ?? 0) + 1);
  let [most, usual] = [0, 1];
  for (const [width, count] of counts)
    if (width === BROKEN) continue;
    else if (count > most || (count === most && width > usual)) [most, usual] = [count, width];
  return { width: usual, share: rows.length === 0 ? 0 : most / rows.length };
}

function beginning(rows: readonly Row[], width: number): Pick<Dialect, 'skip' | 'isTrailing'> {
  const index = rows.findIndex((row) => row.width === width);
  const before = rows[index - 1];
  // As where the header has three names, and each row after it ends in a delimiter.
  const isTrailing = rows.slice(index).every((row) => row.endsEmpty || row.width !== width);
  if (before !== undefined && before.width === width - 1 && isTrailing) return { skip: before.line, isTrailing };
  const line = rows[index]?.line ?? 0;
  return { skip: line <= MOST_LINES_BEFORE ? line : 0, isTrailing: false };
}
