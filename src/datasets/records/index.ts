export { cutPieces, type CutOptions } from './cut.js';
export type { RecordInput } from './input.js';
export { InputError } from './inputError.js';
export {
  MOST_RAW_BYTES,
  type LineMark,
  type Piece,
  type Position,
  type RejectedRecord,
  type RejectReason,
} from './piece.js';
export { readJsonLines, readSeparated } from './readers.js';
export { decompressed } from './text.js';
