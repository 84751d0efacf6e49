export { serve } from './role.js';
export { readRow, type ReadRow } from './rows.js';
export type { RecordSource } from './block.js';
