export { sinkMetrics } from './metrics.js';
export { serve } from './role.js';
export type { ReadRow, RecordSource } from './block.js';
export { readRow } from './rows.js';
