export { dispatchMetrics } from './metrics.js';
export { serve } from './role.js';
