import { expect, test } from 'vitest';
import type { AuditedBucket, AuditOutcome } from '../../../src/domain/index.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { auditMetrics } from '../../../src/workers/auditMetrics.js';

const outcome = (...buckets: AuditedBucket[]): AuditOutcome => ({
  ...{ checkedAt: '2026-01-31T12:00:00.000Z', from: '', to: '', missing: 0, listed: [], sinkBehind: 4 },
  buckets,
});

test('gauges say what the last audit found, and nothing of a bucket that is audited no more', async () => {
  const metrics = createMetrics('orchestrator');
  const show = auditMetrics(metrics);
  expect(await metrics.registry.metrics()).not.toMatch(/^penstock_audit_/m);
  show(
    outcome(
      { bucket: 'a', notReceived: 1, notStored: 2, problem: null },
      { bucket: 'b', notReceived: 0, notStored: 0, problem: 'forbidden: 403' },
    ),
  );
  const text = await metrics.registry.metrics();
  for (const line of [
    'penstock_audit_missing_images{bucket="a",kind="not-received",role="orchestrator"} 1',
    'penstock_audit_missing_images{bucket="a",kind="not-stored",role="orchestrator"} 2',
    'penstock_audit_bucket_unlisted{bucket="a",role="orchestrator"} 0',
    'penstock_audit_bucket_unlisted{bucket="b",role="orchestrator"} 1',
    'penstock_audit_sink_behind_records{role="orchestrator"} 4',
    `penstock_audit_last_success_timestamp_seconds{role="orchestrator"} ${Date.UTC(2026, 0, 31, 12) / 1000}`,
  ])
    expect(text).toContain(line);
  show(outcome({ bucket: 'a', notReceived: 0, notStored: 0, problem: null }));
  const after = await metrics.registry.metrics();
  expect(after).toContain('penstock_audit_missing_images{bucket="a",kind="not-received",role="orchestrator"} 0');
  expect(after).not.toContain('bucket="b"');
});

test('where audits are scheduled the last one counts as ended when the process began, until one has', async () => {
  const metrics = createMetrics('orchestrator');
  const show = auditMetrics(metrics, { everyMs: 600_000, sinceMs: 5_000 });
  const text = await metrics.registry.metrics();
  expect(text).toContain('penstock_audit_interval_seconds{role="orchestrator"} 600');
  expect(text).toContain('penstock_audit_last_success_timestamp_seconds{role="orchestrator"} 5\n');
  show(outcome());
  expect(await metrics.registry.metrics()).toContain(
    `penstock_audit_last_success_timestamp_seconds{role="orchestrator"} ${Date.UTC(2026, 0, 31, 12) / 1000}`,
  );
});
