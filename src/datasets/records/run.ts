import type { PieceDraft } from './draft.js';
import { LINE_FEED } from './bytes.js';

/** Records that follow one another in a window: they are copied at once. To be written before the window moves. */
export class Run {
  #from = 0;
  #to = -1;

  /** Adds a record as it is written, without the end of its line. */
  add(piece: PieceDraft, bytes: Buffer, from: number, to: number): void {
    if (from !== this.#to + 1) {
      this.write(piece, bytes);
      this.#from = from;
    }
    this.#to = to;
    if (bytes[to] !== LINE_FEED) this.write(piece, bytes);
  }

  write(piece: PieceDraft, bytes: Buffer): void {
    if (this.#to > this.#from) piece.append(bytes, this.#from, this.#to);
    this.#from = 0;
    this.#to = -1;
  }
}
