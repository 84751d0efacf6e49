import { isUtf8 } from 'node:buffer';
import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';
import { MOST_RAW_BYTES } from './piece.js';
import type { Window } from './window.js';

/** Takes one line and its end out of the window. Gives the line, and of a long one a byte more than rawText takes. */
export async function takeLine(window: Window, isEndOfLine: (byte: number) => boolean): Promise<Buffer> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const { bytes, start, end } = window;
    let at = start;
    while (at < end && !isEndOfLine(bytes[at] ?? 0)) at += 1;
    line = Buffer.concat([line, bytes.subarray(start, Math.min(at, start + MOST_RAW_BYTES + 1 - line.length))]);
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
export function rawText(bytes: Buffer, from = 0, to = bytes.length): string {
  let end = Math.min(to, from + MOST_RAW_BYTES);
  // Not through a character.
  for (let back = 0; end < to && back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back += 1) end -= 1;
  return isUtf8(bytes.subarray(from, end))
    ? bytes.toString('utf8', from, end)
    : bytes.toString('latin1', from, Math.min(end, from + MOST_RAW_BYTES / 2));
}
