export { StagingError } from './errors.js';
export { HASH_KEY } from './personal.js';
export { rowStructure, type RowStructure } from './rowStructure.js';
export type { LandedRow, Lookup, LookupRequest, QuarantinedRow, StagedPiece } from './staged.js';
export { openStaging, type ShownPiece, type StageRequest, type Staging, type StagingOptions } from './staging.js';
