import { isUtf8 } from 'node:buffer';
import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';
import { MOST_RAW_BYTES } from './piece.js';
import type { Window } from './window.js';

/** Takes one line and its end out of the window. Gives the line, at most MOST_RAW_BYTES of it, however long it is. */
export async function takeLine(window: Window, isEndOfLine: (byte: number) => boolean): Promise<Buffer> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const { bytes, start, end } = window;
    let at = start;
    while (at < end && !isEndOfLine(bytes[at] ?? 0)) at += 1;
    line = Buffer.concat([line, bytes.subarray(start, Math.min(at, start + MOST_RAW_BYTES - line.length))]);
    window.start = at;
    if (at < end) break;
    if (!(await window.more())) return line;
  }
  const isReturn = window.bytes[window.start] === CARRIAGE_RETURN;
  window.start += 1;
  if (!isReturn || (window.start === window.end && !(await window.more()))) return line;
  if (window.bytes[window.start] === LINE_FEED) window.start += 1;
  return line;
}

/** \n, \r\n or \r, in CSV. */
export const isAnyEnd = (byte: number): boolean => byte === LINE_FEED || byte === CARRIAGE_RETURN;
/** \n, in NDJSON. */
export const isLineFeed = (byte: number): boolean => byte === LINE_FEED;

/** Bytes as text, at most MOST_RAW_BYTES of it. What is no UTF-8 is a character for each byte, so that none is lost. */
export function rawText(bytes: Buffer): string {
  const most = bytes.subarray(0, MOST_RAW_BYTES);
  let end = most.length;
  // Not through a character.
  if (bytes.length > end) while (end > most.length - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const part = most.subarray(0, end);
  return isUtf8(part) ? part.toString() : most.toString('latin1', 0, MOST_RAW_BYTES / 2);
}
