import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/index.js';

describe('the configuration', () => {
  it.each([
    ['analytics', 'is not topic=group'],
    ['penstock.image-results', 'is not topic=group'],
    ['penstock.image-results=', 'is not topic=group'],
    ['penstock.image-results=a=b', 'is not topic=group'],
    ['penstock.image-result=analytics', 'is none of penstock.image-events.bulk'],
    ['orders=billing', 'is none of penstock.image-events.bulk'],
  ])('refuses the group %s, which would leave records unprotected or delete those of others', (pair, why) => {
    expect(() => loadConfig({ PENSTOCK_HOUSEKEEP_GROUPS: pair })).toThrow(ConfigError);
    expect(() => loadConfig({ PENSTOCK_HOUSEKEEP_GROUPS: pair })).toThrow(why);
  });

  it('takes groups of its own topics', () => {
    const pairs = 'penstock.image-results=analytics,penstock.image-events.express=audit';
    expect(loadConfig({ PENSTOCK_HOUSEKEEP_GROUPS: pairs }).PENSTOCK_HOUSEKEEP_GROUPS).toEqual(pairs.split(','));
  });

  it('refuses a bucket that none can be called', () => {
    expect(loadConfig({ PENSTOCK_BUCKETS: 'my-uploads, b.2' }).PENSTOCK_BUCKETS).toEqual(['my-uploads', 'b.2']);
    expect(() => loadConfig({ PENSTOCK_BUCKETS: 'gs://uploads' })).toThrow("'gs://uploads' is no bucket name");
  });

  it('refuses buckets of the audit that are none or too many, and a grace that leaves nothing to audit', () => {
    const refused = (environment: Record<string, string>) => expect(() => loadConfig(environment));
    refused({ PENSTOCK_AUDIT_BUCKETS: 'gs://uploads' }).toThrow("'gs://uploads' is no bucket name");
    const many = Array.from({ length: 51 }, (_, n) => `bucket-${n}`).join(',');
    refused({ PENSTOCK_AUDIT_BUCKETS: many }).toThrow('PENSTOCK_AUDIT_BUCKETS: at most 50 buckets');
    const hour = '3600000';
    refused({ PENSTOCK_AUDIT_SINCE_MS: hour, PENSTOCK_AUDIT_GRACE_MS: hour }).toThrow('PENSTOCK_AUDIT_GRACE_MS');
  });

  it('takes any name that a model may have, and no retention beyond that of the tables', () => {
    expect(loadConfig({ PENSTOCK_DEFAULT_MODEL: 'yolo_v8.1' }).PENSTOCK_DEFAULT_MODEL).toBe('yolo_v8.1');
    expect(() => loadConfig({ PENSTOCK_RETENTION_DAYS: '397' })).toThrow('PENSTOCK_RETENTION_DAYS');
  });
});
