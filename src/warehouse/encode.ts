/** What an insert carries: the text of one row in a JSON format, or packed bytes of records for a target that selects. */
export type EncodedRow = string | Buffer;

/** The body of an insert of text rows: one a line. */
export function joinLines(rows: readonly EncodedRow[]): Buffer {
  return Buffer.from(rows.join('\n'));
}

/** The body of an insert of packed strings. */
export function joinPacked(packs: readonly EncodedRow[]): Buffer {
  return Buffer.concat(packs.map((pack) => (typeof pack === 'string' ? Buffer.from(pack) : pack)));
}

/**
 * Byte strings in RowBinary: each behind its length as an unsigned LEB128. So no byte of a record can be taken for the end
 * of it.
 * https://clickhouse.com/docs/interfaces/formats/RowBinary
 */
export function packStrings(strings: readonly Buffer[]): Buffer {
  const body = Buffer.allocUnsafe(strings.reduce((sum, { length }) => sum + packedLength(length), 0));
  let at = 0;
  for (const part of strings) {
    let rest = part.length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) body[at++] = (rest % 128) + 128;
    body[at++] = rest;
    at += part.copy(body, at);
  }
  return body;
}

/** Bytes of a string of `length` bytes once it is packed. */
export function packedLength(length: number): number {
  let bytes = length + 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
