export { audit } from './audit.js';
export { backfill } from './backfill.js';
export { detectBatch, batchImageQuery, batchStateQuery } from './detectBatch.js';
export { breaker, breakersQuery } from './breaker.js';
export { capacity, capacityQuery } from './capacity.js';
export { detectImage } from './detectImage.js';
export { rollUp } from './rollUp.js';
export { housekeep } from './housekeep.js';
