export { retryReport, type Outcome, type Retried, type RetriedBatch, type RetryReport } from './report.js';
export { retryNamed, type NamedRetry } from './retryNamed.js';
export { selectBatches, type BatchSelector, type SelectOptions } from './select.js';
export { startAll, type RetryRate } from './startAll.js';
