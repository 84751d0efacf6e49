export { audit } from './audit.js';
export { MOST_BATCHES, PAGE_EVERY_MS, type AuditOptions, type AuditProgress } from './options.js';
export type { AuditReport, BucketAudit, MissingImage } from './report.js';
export { createWay, type WayOptions } from './way.js';
