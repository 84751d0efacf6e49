import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import type { Bytes } from './input.js';
import { InputError } from './inputError.js';

const FRAME = 0xfd2f_b528;
/** Skippable frames: sixteen of them from this one on. */
const SKIPPABLE = 0x184d_2a50;
/** What levels up to 19 use is 8 MiB. fzstd reads distances of up to 2^25 bytes, and wrong ones beyond. */
const MOST_WINDOW_BYTES = 2 ** 25;
const MOST_BLOCK_BYTES = 131_072;
/** XXH64, whose low half ends a frame (3.1.1). Compiled for the first that has one. */
let hashes: ReturnType<typeof xxhash> | undefined;

/**
 * Decompresses Zstandard (RFC 8878) of any number of frames, block by block. Throws InputError for what is damaged or
 * cut off, as lengths and checksums of the frames tell, and for a frame that needs a dictionary or a window of more than
 * 32 MiB. Errors of the bytes themselves are thrown as they are.
 */
export async function* unzstd(bytes: Bytes, source: string): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new Reader(bytes, source);
  try {
    while (await reader.has(1)) {
      const magic = (await reader.take(4)).readUInt32LE();
      if (magic >>> 4 === SKIPPABLE >>> 4) await reader.skip((await reader.take(4)).readUInt32LE());
      else if (magic === FRAME) yield* frameOf(reader);
      else
        throw reader.damage(reader.isFirst ? 'it does not begin as such data does' : 'no frame follows the one before');
    }
  } finally {
    await reader.close();
  }
}

async function* frameOf(reader: Reader): AsyncGenerator<Uint8Array, void, undefined> {
  const { header, contentBytes, hasChecksum } = await headerOf(reader);
  const blocks: Uint8Array[] = [];
  const frame = new Decompress((block) => blocks.push(block));
  const hash = hasChecksum ? (await (hashes ??= xxhash())).create64() : undefined;
  let length = 0;
  let begin: Buffer = header;
  for (let isLast = false; !isLast; begin = Buffer.alloc(0)) {
    const blockHeader = await reader.take(3);
    const fields = blockHeader.readUIntLE(0, 3);
    isLast = (fields & 1) === 1;
    const size = fields >>> 3;
    if (size > MOST_BLOCK_BYTES) throw reader.damage(`a block of ${size} bytes`);
    // A block of one repeated byte holds just that.
    const content = await reader.take(((fields >>> 1) & 3) === 1 ? 1 : size);
    reader.trying(() => {
      frame.push(Buffer.concat([begin, blockHeader, content]), isLast);
    });
    for (const block of blocks.splice(0)) {
      length += block.length;
      hash?.update(block);
      if (block.length > 0) yield block;
    }
  }
  if (contentBytes !== undefined && contentBytes !== length)
    throw reader.damage(`a frame says ${contentBytes} bytes and has ${length}`);
  if (hash && (await reader.take(4)).readUInt32LE() !== Number(hash.digest() & 0xffff_ffffn))
    throw reader.damage('its checksum is of something else');
}

/** Header of a frame as fzstd is given it, without the flag of a checksum: that is read here. */
async function headerOf(
  reader: Reader,
): Promise<{ header: Buffer; contentBytes: number | undefined; hasChecksum: boolean }> {
  const descriptor = (await reader.take(1)).readUInt8();
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentFieldBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const windowField = isSingleSegment ? Buffer.alloc(0) : await reader.take(1);
  const dictionaryField = await reader.take(dictionaryBytes);
  const contentField = await reader.take(contentFieldBytes);
  if (dictionaryField.some((byte) => byte !== 0)) throw reader.failure('the zstd data needs a dictionary');
  const contentBytes = contentLength(contentField);
  const windowBytes = windowField.length === 0 ? (contentBytes ?? 0) : windowLength(windowField.readUInt8());
  if (windowBytes > MOST_WINDOW_BYTES)
    throw reader.failure(
      `the zstd data needs a window of ${Math.ceil(windowBytes / 1_048_576)} MiB, and at most ${MOST_WINDOW_BYTES / 1_048_576} are read: compress it without --long and --ultra`,
    );
  const start = Buffer.alloc(5);
  start.writeUInt32LE(FRAME);
  start.writeUInt8(descriptor & ~4, 4);
  return {
    header: Buffer.concat([start, windowField, dictionaryField, contentField]),
    contentBytes,
    hasChecksum: (descriptor & 4) !== 0,
  };
}

function contentLength(field: Buffer): number | undefined {
  if (field.length === 0) return undefined;
  if (field.length === 8) return Number(field.readBigUInt64LE());
  return field.readUIntLE(0, field.length) + (field.length === 2 ? 256 : 0);
}

function windowLength(field: number): number {
  const base = 2 ** (10 + (field >>> 3));
  return base + (base / 8) * (field & 7);
}

/** Gives bytes by number. */
class Reader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #source: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(bytes: Bytes, source: string) {
    this.#iterator = bytes[Symbol.asyncIterator]();
    this.#source = source;
  }

  get isFirst(): boolean {
    return this.#taken <= 4;
  }

  failure(message: string, cause?: unknown): InputError {
    return new InputError(this.#source, message, { cause });
  }

  damage(how: string, cause?: unknown): InputError {
    return this.failure(`the zstd data is damaged before byte ${this.#taken}: ${how}`, cause);
  }

  /** What fzstd throws of damaged data is not only its own errors. */
  trying(step: () => void): void {
    try {
      step();
    } catch (error) {
      throw this.damage(error instanceof Error ? error.message : String(error), error);
    }
  }

  async has(length: number): Promise<boolean> {
    while (this.#chunk.length < length) {
      const next = await this.#iterator.next();
      if (next.done === true) return false;
      this.#chunk = this.#chunk.length === 0 ? next.value : Buffer.concat([this.#chunk, next.value]);
    }
    return true;
  }

  async take(length: number): Promise<Buffer> {
    if (!(await this.has(length)))
      throw this.failure(`the zstd data is cut off after ${this.#taken + this.#chunk.length} bytes`);
    const taken = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    this.#taken += length;
    return Buffer.from(taken.buffer, taken.byteOffset, length);
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) left -= (await this.take(Math.min(left, MOST_BLOCK_BYTES))).length;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
