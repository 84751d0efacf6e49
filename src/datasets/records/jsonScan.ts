import { copyBytes } from './copyBytes.js';
import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';

/** Of one record. */
export const MOST_JSON_BYTES = 16_777_216;
/** A double keeps so many digits of every number. */
const MOST_DIGITS = 15;

export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACE = 0x7d;
export const CLOSE_BRACKET = 0x5d;
export const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 9;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const NINE = 0x39;

/** What a byte means outside of strings. */
const NOTHING = 0;
const STRING = 1;
const OPENS = 2;
const CLOSES = 3;
const NUMBER = 4;
const LINE_END = 5;
const CONTROL = 6;
const MEANING = new Uint8Array(256);
MEANING.fill(CONTROL, 0, SPACE);
MEANING.fill(NUMBER, ZERO, NINE + 1);
MEANING[MINUS] = NUMBER;
MEANING[TAB] = NOTHING;
MEANING[LINE_FEED] = MEANING[CARRIAGE_RETURN] = LINE_END;
MEANING[QUOTE] = STRING;
MEANING[OPEN_BRACE] = MEANING[OPEN_BRACKET] = OPENS;
MEANING[CLOSE_BRACE] = MEANING[CLOSE_BRACKET] = CLOSES;

/**
 * Finds the end of an object or a list of JSON, and what has to be changed in it. It looks at strings, brackets and
 * numbers alone: whether all of it is JSON is left to who parses it.
 */
export class JsonScan {
  /** A control character, or a line end or a tabulator within a string. */
  hasControl = false;
  /**
   * Beginnings and ends of what a line of the piece can't hold as it is: line ends outside of strings, with the space
   * behind them, and numbers of more than 15 digits.
   */
  readonly edits: number[] = [];

  /** The index behind the bracket that closes the one at `from`; -1: it is not before `to`. */
  end(bytes: Uint8Array, from: number, to: number): number {
    this.hasControl = false;
    if (this.edits.length > 0) this.edits.length = 0;
    let depth = 0;
    for (let at = from; at < to; at += 1) {
      switch (MEANING[bytes[at] ?? 0] ?? NOTHING) {
        case STRING:
          at = this.#stringEnd(bytes, at + 1, to);
          break;
        case OPENS:
          depth += 1;
          break;
        case CLOSES:
          depth -= 1;
          if (depth === 0) return at + 1;
          break;
        case NUMBER: {
          const end = numberEnd(bytes, at, to);
          if (isLong(bytes, at, end)) this.edits.push(at, end);
          at = end - 1;
          break;
        }
        case LINE_END: {
          const end = spaceEnd(bytes, at, to);
          this.edits.push(at, end);
          at = end - 1;
          break;
        }
        case CONTROL:
          this.hasControl = true;
      }
    }
    return -1;
  }

  /** A bound is looked at only where a control character is: one stands behind a window, and behind a line. */
  #stringEnd(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; ; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at += 1;
      else if (byte < SPACE) {
        if (at >= to) return at;
        this.hasControl = true;
      }
    }
  }
}

/** Index of the quote that ends the string whose content begins at `from`; `to` or more: it is not before. */
export function stringEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (; at < to && bytes[at] !== QUOTE; at += 1) if (bytes[at] === BACKSLASH) at += 1;
  return at;
}

/**
 * What JsonScan found, with its edits: each line end becomes a space, and each number of more than 15 digits, which a
 * double would round, a string of the very same characters.
 */
export class OneLine {
  bytes = Buffer.allocUnsafe(65_536);
  length = 0;

  write(from: Buffer, start: number, end: number, edits: readonly number[]): void {
    const most = end - start + edits.length;
    if (this.bytes.length < most) this.bytes = Buffer.allocUnsafe(most);
    const { bytes } = this;
    let at = start;
    let length = 0;
    for (let index = 0; index < edits.length; index += 2) {
      const first = edits[index] ?? end;
      const last = edits[index + 1] ?? end;
      length = copyBytes(from, at, first, bytes, length);
      if (MEANING[from[first] ?? 0] === LINE_END) bytes[length++] = SPACE;
      else {
        bytes[length++] = QUOTE;
        length = copyBytes(from, first, last, bytes, length);
        bytes[length++] = QUOTE;
      }
      at = last;
    }
    this.length = copyBytes(from, at, end, bytes, length);
  }
}

function spaceEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[at])) at += 1;
  return at;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}

/** Digits, and what else a number is written with. */
function numberEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from + 1;
  for (; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    const isOfNumber =
      (byte >= ZERO && byte <= NINE) || byte === POINT || byte === PLUS || byte === MINUS || isExponent(byte);
    if (!isOfNumber) break;
  }
  return at;
}

/** Digits count from the first one that is not 0 up to the exponent. */
function isLong(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from <= MOST_DIGITS) return false;
  let digits = 0;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    if (isExponent(byte)) break;
    if (byte > ZERO && byte <= NINE) digits += 1;
    else if (byte === ZERO && digits > 0) digits += 1;
  }
  return digits > MOST_DIGITS;
}

function isExponent(byte: number): boolean {
  return byte === 0x65 || byte === 0x45;
}
