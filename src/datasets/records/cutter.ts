import type { PieceDraft } from './draft.js';
import type { Position } from './piece.js';

/** Cuts records out of one input. */
export interface Cutter {
  /**
   * Adds records to a piece. `full`: there is another record, and the piece takes no more, or has other columns.
   * `end`: the input has no more. Throws InputError for an input that can't be read on.
   */
  fill(piece: PieceDraft): Promise<'full' | 'end'>;
  /** Where the next record is. */
  position(): Omit<Position, 'input'>;
}
