import { InputError } from './inputError.js';
import { CLOSE_BRACE, CLOSE_BRACKET, isSpace, OPEN_BRACE, OPEN_BRACKET, QUOTE, stringEnd } from './jsonScan.js';
import type { Window } from './window.js';

export const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const MOST_KEY_BYTES = 65_536;
/** Of what is there instead, in an error. */
const TOLD_BYTES = 20;

/** Reads a document of JSON from a window, token by token. It keeps no value, so that one may have any length. */
export class JsonReader {
  constructor(
    private readonly window: Window,
    private readonly source: string,
  ) {}

  /** The next byte that is no space, which stays unread; undefined at the end. */
  async peek(): Promise<number | undefined> {
    const { window } = this;
    for (;;) {
      while (window.start < window.end && isSpace(window.bytes[window.start])) window.start += 1;
      if (window.start < window.end) return window.bytes[window.start];
      if (!(await window.more())) return undefined;
    }
  }

  /** Takes the next byte that is no space, if it is this one. */
  async takes(byte: number): Promise<boolean> {
    if ((await this.peek()) !== byte) return false;
    this.window.start += 1;
    return true;
  }

  /** Takes the next key of an object and its colon. Undefined: it took the end of the object. */
  async key(isFirst: boolean): Promise<string | undefined> {
    if (await this.takes(CLOSE_BRACE)) return undefined;
    if (!isFirst && !(await this.takes(COMMA))) throw this.unexpected(`',' or '}'`);
    const key = await this.#keyText();
    if (!(await this.takes(COLON))) throw this.unexpected(`':'`);
    return key;
  }

  /** Takes a value, of any length. */
  async skip(): Promise<void> {
    const first = await this.peek();
    if (first === QUOTE) await this.#skipString();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) await this.#skipBrackets();
    else await this.#skipWord();
  }

  /** What is wrong with the document, as an error. */
  failure(message: string): InputError {
    return new InputError(this.source, message);
  }

  /** The error where something else is unread than this. */
  unexpected(expected: string): InputError {
    const { start, end, bytes, position } = this.window;
    if (start === end) return this.failure(`the document is cut off: ${expected} should follow its ${position} bytes`);
    const there = bytes.toString('utf8', start, Math.min(end, start + TOLD_BYTES));
    return this.failure(`the document is no JSON: at byte ${position} should be ${expected}, and is '${there}'`);
  }

  async #keyText(): Promise<string> {
    const { window } = this;
    if ((await this.peek()) !== QUOTE) throw this.unexpected('a key');
    for (;;) {
      const { bytes, start, end } = window;
      const last = stringEnd(bytes, start + 1, end);
      if (last < end) {
        window.start = last + 1;
        return this.#unescaped(bytes.toString('utf8', start, last + 1));
      }
      if (end - start > MOST_KEY_BYTES)
        throw this.failure(`a key at byte ${window.position} is longer than ${MOST_KEY_BYTES} bytes`);
      if (!(await window.more())) {
        window.start = window.end;
        throw this.unexpected('the end of a key');
      }
    }
  }

  #unescaped(written: string): string {
    try {
      return String(JSON.parse(written));
    } catch {
      throw this.failure(`the document is no JSON: ${written.slice(0, TOLD_BYTES)} is no key`);
    }
  }

  async #skipBrackets(): Promise<void> {
    const { window } = this;
    let depth = 0;
    do {
      if (window.start === window.end && !(await window.more())) throw this.unexpected(`'}' or ']'`);
      const byte = window.bytes[window.start];
      if (byte === QUOTE) {
        const last = stringEnd(window.bytes, window.start + 1, window.end);
        if (last < window.end) window.start = last + 1;
        else await this.#skipString();
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
      window.start += 1;
    } while (depth > 0);
  }

  async #skipString(): Promise<void> {
    const { window } = this;
    window.start += 1;
    for (let isEscaped = false; ; window.start += 1) {
      if (window.start === window.end && !(await window.more())) throw this.unexpected(`'"'`);
      const byte = window.bytes[window.start];
      if (byte === QUOTE && !isEscaped) break;
      isEscaped = byte === BACKSLASH && !isEscaped;
    }
    window.start += 1;
  }

  /** A number, true, false or null. */
  async #skipWord(): Promise<void> {
    const { window } = this;
    for (let length = 0; ; length += 1) {
      const isEnd = window.start === window.end && !(await window.more());
      const byte = isEnd ? COMMA : window.bytes[window.start];
      if (isSpace(byte) || byte === COMMA || byte === COLON || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (length === 0) throw this.unexpected('a value');
        return;
      }
      window.start += 1;
    }
  }
}
