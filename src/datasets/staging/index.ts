export { StagingError } from './errors.js';
export { HASH_KEY } from './personal.js';
export { rowStructure, type RowStructure } from './rowStructure.js';
export type { Lookup, LookupRequest, QuarantinedRow, StagedPiece } from './staged.js';
export { openStaging, type StageRequest, type Staging, type StagingOptions } from './staging.js';
