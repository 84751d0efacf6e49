import type { Bytes } from './input.js';

/** Code points of the bytes 0x80 to 0x9f in Windows-1252. Five that it leaves free stay what they are in ISO 8859-1. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
/** No UTF-8: a record that holds it is set aside. */
const NO_UTF8 = 0xff;

/**
 * UTF-8 of latin-1. The bytes 0x80 to 0x9f are read as Windows-1252, like the WHATWG's Encoding Standard does: files that
 * are called latin-1 have € and quotation marks there, and no control characters. Not by TextDecoder, whose fast path
 * reads them as ISO 8859-1 in some versions of Node.
 */
export async function* fromLatin1(bytes: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
  const utf8 = Array.from({ length: 256 }, (_, byte) =>
    Buffer.from(byte >= 0x80 && byte < 0xa0 ? (WINDOWS_1252[byte - 0x80] ?? '') : String.fromCharCode(byte)),
  );
  for await (const chunk of bytes) {
    const out = Buffer.allocUnsafe(chunk.length * 3);
    let length = 0;
    for (const byte of chunk) {
      if (byte < 0x80) out[length++] = byte;
      else for (const part of utf8[byte] ?? []) out[length++] = part;
    }
    yield out.subarray(0, length);
  }
}

/**
 * UTF-8 of UTF-16. What is none, half of a pair or of a character at the end, becomes bytes that are no UTF-8: so the
 * record is set aside, and not changed unseen.
 */
export async function* fromUtf16(bytes: Bytes, isBigEndian: boolean): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const joined = Buffer.concat([rest, chunk]);
    const units = joined.subarray(0, joined.length & ~1);
    if (isBigEndian) units.swap16();
    // The first half of a pair waits for the second.
    const isHalf = units.length > 0 && (units.readUInt16LE(units.length - 2) & 0xfc00) === 0xd800;
    const end = units.length - (isHalf ? 2 : 0);
    yield utf8Of(units.toString('utf16le', 0, end));
    rest = Buffer.from(joined.subarray(end));
    if (isBigEndian && isHalf) rest.subarray(0, 2).swap16();
  }
  if (rest.length > 0) yield Uint8Array.of(NO_UTF8);
}

function utf8Of(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = text.split(/([\ud800-\udfff])/u);
  return Buffer.concat(parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.of(NO_UTF8))));
}
