/** What the workers define of metrics, without what they need to run. */
export { auditMetrics } from './auditMetrics.js';
export { capacityMetrics } from './capacityMetrics.js';
export { datasetMetrics } from './datasetMetrics.js';
export { detectorMetrics } from './detectorMetrics.js';
export { warehouseMetrics } from './warehouseMetrics.js';
