/** What an insert carries of one row: text of a JSON format, or the bytes of a record for a target that selects from them. */
export type EncodedRow = string | Buffer;

/** The body of an insert of text rows: one a line. */
export function joinLines(rows: readonly EncodedRow[]): Buffer {
  return Buffer.from(rows.join('\n'));
}

/**
 * The body of an insert of byte strings in RowBinary: each behind its length as an unsigned LEB128. So no byte of a record
 * can be taken for the end of it.
 * https://clickhouse.com/docs/interfaces/formats/RowBinary
 */
export function rowBinaryStrings(rows: readonly EncodedRow[]): Buffer {
  const parts = rows.map((row) => (typeof row === 'string' ? Buffer.from(row) : row));
  const body = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + length + lengthBytes(length), 0));
  let at = 0;
  for (const part of parts) {
    let rest = part.length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) body[at++] = (rest % 128) + 128;
    body[at++] = rest;
    at += part.copy(body, at);
  }
  return body;
}

function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
