export { createBoundedLog, type BoundedLog } from './boundedLog.js';
export { createLogger, type LogFields, type Logger } from './log.js';
export { LOG_FIELDS, type LogField } from './logFields.js';
export { createMetrics, DELAYS, type MetricDefinition, type Metrics } from './metrics.js';
export { percentile } from './percentile.js';
export { reasonOf } from './reasonOf.js';
