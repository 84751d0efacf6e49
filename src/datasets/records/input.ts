/** Bytes as they come. */
export type Bytes = AsyncIterable<Uint8Array>;

/** One file, object or page that records are cut from. */
export interface RecordInput {
  /** Name of the file or page. */
  source: string;
  /**
   * Opens the raw bytes. `fromByte` is of the raw bytes, and above 0 only where nothing is decompressed or transcoded.
   * May be called again after what it gave was closed: to see first what the bytes are, and for what was opened ahead.
   */
  open(fromByte: number): Promise<Bytes>;
  /** For Parquet: a file on this disk. */
  localPath?: string;
}

/** The beginning of bytes, and all of them. Who does not read `all` to its end calls its `return`. */
export interface Peeked {
  head: Buffer;
  all: AsyncGenerator<Uint8Array, void, undefined>;
}

/** Reads until `least` bytes are there, or the end is. */
export async function peek(bytes: Bytes, least: number): Promise<Peeked> {
  const iterator = bytes[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let length = 0; length < least;) {
    const next = await iterator.next();
    if (next.done === true) break;
    length += next.value.length;
    chunks.push(next.value);
  }
  const all = chained(chunks, iterator);
  // One that has not begun would not close the iterator when it is closed.
  await all.next();
  return { head: Buffer.concat(chunks), all };
}

async function* chained(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield new Uint8Array(0);
    yield* chunks;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
