export { serve } from './role.js';
export type { ReadRow, RecordSource } from './block.js';
export { readRow } from './rows.js';
