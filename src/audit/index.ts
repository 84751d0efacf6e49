export { audit } from './audit.js';
export type { AuditOptions, AuditProgress } from './options.js';
export type { AuditReport, BucketAudit, MissingImage } from './report.js';
export { createWay, type WayOptions } from './way.js';
