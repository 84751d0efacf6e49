import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decompressed, InputError } from '../records/index.js';
import { ProposalError } from './errors.js';

/** Most that is looked at of a sample, in bytes after decompression. */
export const MOST_SAMPLE_BYTES = 64 * 1024 * 1024;

const MOST_HEAD = 1_048_576;

export type Encoding = 'utf-8' | 'utf-16' | 'latin-1';

/** The beginning of a text, as UTF-8 without a byte order mark, with a line feed after each line. */
export interface TextSample {
  path: string;
  /** Its first characters, at most MOST_HEAD of them. */
  head: string;
  /** The text is longer. Of its last line nothing is left then, where it has lines. */
  isCut: boolean;
  encoding: Encoding;
  /** A byte order mark says it. */
  isMarked: boolean;
}

/** Throws ProposalError where there is no such file. */
export async function firstBytes(file: string): Promise<Buffer> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('no regular file');
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ProposalError(why, { isMisuse: true, cause });
  }
}

/**
 * Writes at most `most` bytes of a text into a folder. Encoding: by the byte order mark, else UTF-8 where nearly all of it
 * is, else Latin-1. Throws ProposalError for what is no text and for a broken compression.
 */
export async function takeText(file: string, folder: string, most: number): Promise<TextSample> {
  const { content, isCut } = await beginning(file, most);
  const whole = isCut ? beforeBrokenEnd(content) : content;
  const { encoding, isMarked } = encodingOf(whole);
  let text = withLineFeeds(decode(whole, encoding));
  if (text.includes('\0')) throw new ProposalError(`no text: it has bytes that are 0`);
  if (isCut && text.includes('\n')) text = text.slice(0, text.lastIndexOf('\n') + 1);
  if (text.trim() === '') throw new ProposalError('nothing is in it');
  const path = join(folder, 'sample.txt');
  await writeFile(path, text);
  return { path, head: text.slice(0, MOST_HEAD), isCut, encoding, isMarked };
}

async function beginning(file: string, most: number): Promise<{ content: Buffer; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of await decompressed(createReadStream(file), file)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > most) break;
    }
  } catch (cause) {
    const why = cause instanceof InputError ? cause.sentence : cause instanceof Error ? cause.message : String(cause);
    throw new ProposalError(why, { cause });
  }
  return { content: Buffer.concat(chunks).subarray(0, most), isCut: length > most };
}

/** A cut may be within a character: of UTF-8 all after the last whole one is left out, of UTF-16 half a unit. */
function beforeBrokenEnd(content: Buffer): Buffer {
  if (isUtf16(content)) return content.subarray(0, content.length & ~1);
  for (let dropped = 0; dropped < 4; dropped += 1) {
    const shorter = content.subarray(0, content.length - dropped);
    if (isUtf8(shorter)) return shorter;
  }
  return content;
}

function encodingOf(content: Buffer): { encoding: Encoding; isMarked: boolean } {
  if (isUtf16(content)) return { encoding: 'utf-16', isMarked: true };
  if (begins(content, [0xef, 0xbb, 0xbf])) return { encoding: 'utf-8', isMarked: true };
  return { encoding: isUtf8(content) || isMostlyUtf8(content) ? 'utf-8' : 'latin-1', isMarked: false };
}

/** Broken somewhere; in Latin-1 hardly any letter beyond ASCII would be a character of UTF-8. */
function isMostlyUtf8(content: Buffer): boolean {
  const text = new TextDecoder('utf-8').decode(content);
  let [wide, broken] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > LAST_OF_ASCII) wide += 1;
    if (code === REPLACEMENT) broken += 1;
  }
  return broken < wide / 2;
}

const LAST_OF_ASCII = 0x7f;
/** What a decoder gives for bytes that are no character. */
const REPLACEMENT = 0xfffd;

function decode(content: Buffer, encoding: Encoding): string {
  if (encoding === 'latin-1') return content.toString('latin1');
  if (encoding === 'utf-8') return new TextDecoder('utf-8').decode(content);
  return new TextDecoder(begins(content, [0xfe, 0xff]) ? 'utf-16be' : 'utf-16le').decode(content);
}

/** Also within quotes, where it makes no difference to what is looked at. */
function withLineFeeds(text: string): string {
  return text.includes('\n') ? text.replaceAll('\r\n', '\n') : text.replaceAll('\r', '\n');
}

function isUtf16(content: Buffer): boolean {
  return begins(content, [0xff, 0xfe]) || begins(content, [0xfe, 0xff]);
}

/** Whether content begins so. */
export function begins(content: Buffer, bytes: readonly number[]): boolean {
  return content.subarray(0, bytes.length).equals(Buffer.from(bytes));
}
