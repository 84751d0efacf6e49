export { createTracing, NO_TRACING } from './tracing.js';
export type { OpenSpan, SpanRecord, Tracing } from './types.js';
export { TRACE_HEADER } from './types.js';
export { withTrace } from './withTrace.js';
