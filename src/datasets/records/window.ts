import { isUtf8 } from 'node:buffer';
import { LINE_FEED } from './bytes.js';
import type { Text } from './text.js';

/** Read at a time. */
const BLOCK_BYTES = 524_288;
/** A larger one is given back after its input. */
const MOST_KEPT_BYTES = 4_194_304;

/** The part of a text that is in memory: `bytes` from `start` to `end`. Who has read something moves `start`. */
export class Window {
  /** A line feed stands behind `end`: a loop that looks for the end of a line needs no bound. */
  bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES + 1);
  start = 0;
  end = 0;
  /** Nothing comes after `end`. */
  isEnd = true;
  /** Up to here all is UTF-8 and without NUL; beyond, each record has to be looked at. */
  cleanUntil = 0;
  /** Position in the text of the first of `bytes`. */
  base = 0;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(readonly signal: AbortSignal | undefined) {}

  /** Position in the text of what is read next. */
  get position(): number {
    return this.base + this.start;
  }

  /** Begins another text. The one before has to be closed. */
  open({ bytes, position }: Text): void {
    if (this.bytes.length > MOST_KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES + 1);
    this.start = this.end = this.cleanUntil = 0;
    this.base = position;
    this.isEnd = false;
    this.#iterator = bytes[Symbol.asyncIterator]();
    this.#chunk = new Uint8Array(0);
  }

  /**
   * Reads on, and moves what is unread to the front of `bytes`. It at least doubles what is unread: who looks at that
   * again each time looks at no byte more than twice. False at the end of the text.
   */
  async more(): Promise<boolean> {
    if (this.isEnd) return false;
    const unread = this.end - this.start;
    this.#makeRoom(Math.max(BLOCK_BYTES, unread * 2));
    const most = this.bytes.length - 1;
    while (this.end < most) {
      if (this.#chunk.length === 0) {
        this.signal?.throwIfAborted();
        const next = await this.#iterator?.next();
        if (next === undefined || next.done === true) {
          this.isEnd = true;
          break;
        }
        this.#chunk = next.value;
      }
      const taken = this.#chunk.subarray(0, most - this.end);
      this.bytes.set(taken, this.end);
      this.end += taken.length;
      this.#chunk = this.#chunk.subarray(taken.length);
    }
    this.bytes[this.end] = LINE_FEED;
    this.#look();
    return true;
  }

  /** Whether bytes of it are UTF-8 without NUL. */
  isClean(from: number, to: number): boolean {
    if (to <= this.cleanUntil) return true;
    const part = this.bytes.subarray(from, to);
    return isUtf8(part) && !part.includes(0);
  }

  async close(): Promise<void> {
    this.isEnd = true;
    await this.#iterator?.return?.();
    this.#iterator = undefined;
  }

  #makeRoom(least: number): void {
    const { bytes, start, end } = this;
    if (bytes.length <= least) {
      this.bytes = Buffer.allocUnsafeSlow(least + 1);
      this.bytes.set(bytes.subarray(start, end));
    } else if (start > 0) bytes.copyWithin(0, start, end);
    this.base += start;
    this.cleanUntil = Math.max(0, this.cleanUntil - start);
    this.start = 0;
    this.end = end - start;
  }

  #look(): void {
    const until = this.isEnd ? this.end : wholeCharacters(this.bytes, this.cleanUntil, this.end);
    if (this.isClean(this.cleanUntil, until)) this.cleanUntil = until;
  }
}

/** Where the last character begins that may not be whole. */
function wholeCharacters(bytes: Buffer, from: number, to: number): number {
  for (let at = to - 1; at >= Math.max(from, to - 3); at -= 1) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) return at;
  }
  return to;
}
