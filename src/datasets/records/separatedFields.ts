import type { Separators } from './separatedScan.js';

const MOST_NAMED = 100;

/** Names of columns out of a header: without quotes, spaces around them cut off. A record that SeparatedScan found. */
export function namesOf(header: Buffer, separators: Separators): string[] {
  const quote = String.fromCharCode(separators.quote);
  return rawFields(header, separators).map((field) => {
    const text = field.toString();
    const isQuoted = separators.quote >= 0 && text.startsWith(quote);
    return (isQuoted ? text.slice(1, -1).replaceAll(quote + quote, quote) : text).trim();
  });
}

/** What is wrong with names of columns, as a sentence. DuckDB does not tell names apart by the case of letters A to Z. */
export function wrongNames(names: readonly string[]): string | undefined {
  const seen = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    if (name === '') return `column ${index + 1} of ${names.length} has no name in the header`;
    if (name.includes('\0')) return `the name of column ${index + 1} in the header has a NUL byte`;
    const folded = name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
    const earlier = seen.get(folded);
    if (earlier !== undefined)
      return `columns ${earlier + 1} and ${index + 1} of the header are both '${name.slice(0, MOST_NAMED)}'${names[earlier] === name ? '' : ' but for the case of letters'}`;
    seen.set(folded, index);
  }
  return undefined;
}

/** The record with quotes around fields that begin with spaces and a quote: DuckDB then reads them as they are. */
export function withSpacedQuotes(record: Buffer, separators: Separators): Buffer {
  const quote = String.fromCharCode(separators.quote);
  const delimiter = Buffer.of(separators.delimiter);
  const fields = rawFields(record, separators).flatMap((field) => {
    const text = field.toString('latin1');
    const isSpaced = /^ +/.test(text) && text.trimStart().startsWith(quote);
    return [delimiter, isSpaced ? Buffer.from(quote + text.replaceAll(quote, quote + quote) + quote, 'latin1') : field];
  });
  return Buffer.concat(fields.slice(1));
}

/** Fields as they are written. */
function rawFields(record: Buffer, { delimiter, quote }: Separators): Buffer[] {
  const fields: Buffer[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at <= record.length; at += 1) {
    const byte = record[at];
    if (isQuoted) {
      if (byte === quote && record[at + 1] === quote) at += 1;
      else isQuoted = byte !== quote;
    } else if (byte === quote && at === from) isQuoted = true;
    else if (byte === undefined || byte === delimiter) {
      fields.push(record.subarray(from, at));
      from = at + 1;
    }
  }
  return fields;
}
