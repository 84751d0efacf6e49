import type { DatasetPosition } from '../../domain/index.js';
import type { Piece } from '../records/index.js';

/** A piece of what a run reads, and what is known behind it. */
export interface Cut {
  piece: Piece;
  /** Numbers of its inputs. */
  inputs: readonly number[];
  /** Whether reading may go on behind it: `at` a position, not (`within` what has to be read in one go), or it is the `end`. */
  behind: { kind: 'at'; position: DatasetPosition } | { kind: 'within' } | { kind: 'end' };
  /** Inputs, and bytes of them, that nobody counted before. */
  found: { inputs: number; bytes: number };
}
