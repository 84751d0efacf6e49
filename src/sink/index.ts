export { serve } from './role.js';
export type { ReadRow } from './block.js';
export { readRow } from './rows.js';
export type { RecordSource } from './block.js';
