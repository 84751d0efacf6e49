import { gunzip } from './gzip.js';
import { peek, type Bytes, type RecordInput } from './input.js';
import { InputError } from './inputError.js';
import { fromLatin1, fromUtf16 } from './transcode.js';
import { unzstd } from './zstd.js';

export interface TextFormat {
  compression: 'auto' | 'none' | 'gzip' | 'zstd';
  encoding: 'auto' | 'utf-8' | 'utf-16' | 'latin-1';
}

/** Text of an input. */
export interface Text {
  /** UTF-8, without a byte order mark. */
  bytes: Bytes;
  /** Position of its first byte: of the input after decompression, or, where it is transcoded, of what that gave. */
  position: number;
}

const MARK_BYTES = 4;

/** Opens an input at a position in its text, 0 for its beginning. Throws InputError for one that ends before it. */
export async function openText(input: RecordInput, format: TextFormat, from: number): Promise<Text> {
  const isPlain = format.compression === 'none' && format.encoding === 'utf-8';
  if (from > 0 && isPlain) return { bytes: await input.open(from), position: from };
  const raw = await peek(await input.open(0), MARK_BYTES);
  const compression = format.compression === 'auto' ? compressionOf(raw.head) : format.compression;
  const unpacked =
    compression === 'none' ? raw : await peek(decompress(raw.all, compression, input.source), MARK_BYTES);
  const { encoding, markBytes } = encodingOf(unpacked.head, format.encoding);
  if (encoding !== 'utf-8') {
    const transcoded = transcode(skipping(unpacked.all, markBytes, input.source), encoding);
    return { bytes: skipping(transcoded, from, input.source), position: from };
  }
  if (from > 0 && compression === 'none') {
    await unpacked.all.return();
    return { bytes: await input.open(from), position: from };
  }
  const position = Math.max(from, markBytes);
  return { bytes: skipping(unpacked.all, position, input.source), position };
}

/** Bytes without the compression that their beginning shows, if it does. Throws InputError where it is damaged. */
export async function decompressed(bytes: Bytes, source: string): Promise<Bytes> {
  const { head, all } = await peek(bytes, MARK_BYTES);
  const compression = compressionOf(head);
  return compression === 'none' ? all : decompress(all, compression, source);
}

function compressionOf(head: Buffer): 'none' | 'gzip' | 'zstd' {
  if (head.length < 2) return 'none';
  if (head.readUInt16BE() === 0x1f8b) return 'gzip';
  if (head.length < 4) return 'none';
  const magic = head.readUInt32LE();
  return magic === 0xfd2f_b528 || magic >>> 4 === 0x0184_d2a5 ? 'zstd' : 'none';
}

function decompress(bytes: Bytes, compression: 'gzip' | 'zstd', source: string): Bytes {
  return compression === 'gzip' ? gunzip(bytes, source) : unzstd(bytes, source);
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin-1';

/** Without a mark UTF-16 is taken as little endian, what Windows writes. */
function encodingOf(head: Buffer, told: TextFormat['encoding']): { encoding: Encoding; markBytes: number } {
  if (told === 'latin-1') return { encoding: 'latin-1', markBytes: 0 };
  const mark = head.toString('hex');
  const is16 = told !== 'utf-8';
  if (is16 && mark.startsWith('fffe')) return { encoding: 'utf-16le', markBytes: 2 };
  if (is16 && mark.startsWith('feff')) return { encoding: 'utf-16be', markBytes: 2 };
  if (told === 'utf-16') return { encoding: 'utf-16le', markBytes: 0 };
  return { encoding: 'utf-8', markBytes: mark.startsWith('efbbbf') ? 3 : 0 };
}

function transcode(bytes: Bytes, encoding: Exclude<Encoding, 'utf-8'>): Bytes {
  return encoding === 'latin-1' ? fromLatin1(bytes) : fromUtf16(bytes, encoding === 'utf-16be');
}

async function* skipping(bytes: Bytes, count: number, source: string): AsyncGenerator<Uint8Array, void, undefined> {
  let left = count;
  for await (const chunk of bytes) {
    if (left === 0) yield chunk;
    else if (chunk.length > left) {
      yield chunk.subarray(left);
      left = 0;
    } else left -= chunk.length;
  }
  if (left > 0)
    throw new InputError(source, `has ${count - left} bytes of text, and was to be read from byte ${count}`);
}
