import { LINE_FEED } from './bytes.js';
import type { PieceDraft } from './draft.js';

/**
 * Records of a window that are written as they are. They are moved together in it, over what was read already: that costs
 * less than to copy each one out. To be written before the window moves.
 */
export class Run {
  #from = 0;
  #to = -1;

  /** Adds a record that is behind those before, without the end of its line. */
  add(bytes: Buffer, from: number, to: number): void {
    if (this.#to < 0) this.#from = from;
    else {
      bytes[this.#to] = LINE_FEED;
      if (this.#to + 1 < from) bytes.copyWithin(this.#to + 1, from, to);
    }
    this.#to = this.#to < 0 ? to : this.#to + 1 + to - from;
  }

  write(piece: PieceDraft, bytes: Buffer): void {
    if (this.#to >= 0) piece.append(bytes, this.#from, this.#to);
    this.#to = -1;
  }
}
