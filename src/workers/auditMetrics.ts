import type { Client } from '@temporalio/client';
import { lastAudit } from '../client/index.js';
import type { AuditOutcome } from '../domain/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { lookEvery } from './look.js';

const LOOK_EVERY_MS = 10_000;

/**
 * Shows what the last audit found in metrics. Every orchestrator asks Temporal for it, so that they say the same whichever
 * of them did the audit, also after a restart.
 */
export function watchAudit(
  client: Client,
  metrics: Metrics,
  log: Logger,
  schedule: AuditSchedule,
): { stop: () => void } {
  const show = auditMetrics(metrics, schedule);
  return lookEvery(
    LOOK_EVERY_MS,
    async () => {
      const outcome = await lastAudit(client);
      if (outcome) show(outcome);
    },
    (err) => log.debug({ err }, 'the last audit can not be asked for'),
  );
}

export interface AuditSchedule {
  everyMs: number;
  /** Since when somebody looks; milliseconds since the epoch. */
  sinceMs: number;
}

/**
 * Gauges of the last audit. Before the first one they have no value, but where audits are scheduled: then the last one
 * counts as ended when the process began, so that one that never ends is late too.
 */
export function auditMetrics(metrics: Metrics, schedule?: AuditSchedule): (outcome: AuditOutcome) => void {
  const missing = metrics.gauge(
    'penstock_audit_missing_images',
    'Images that the last audit found missing: not-received (no event came), not-stored (received, and nowhere)',
    ['bucket', 'kind'],
  );
  const unlisted = metrics.gauge(
    'penstock_audit_bucket_unlisted',
    'The last audit could not list the bucket whole (1): what was not received is not known',
    ['bucket'],
  );
  const behind = metrics.gauge(
    'penstock_audit_sink_behind_records',
    'Records that the sink had yet to store; some of the missing may be among them',
  );
  const endedAt = metrics.gauge(
    'penstock_audit_last_success_timestamp_seconds',
    'When the last audit ended that did; before the first one when the orchestrator began',
  );
  const every = metrics.gauge('penstock_audit_interval_seconds', 'How often buckets are audited by schedule');
  for (const gauge of [behind, endedAt, every]) gauge.remove();
  if (schedule) {
    endedAt.set(schedule.sinceMs / 1000);
    every.set(schedule.everyMs / 1000);
  }
  return ({ buckets, sinkBehind, checkedAt }) => {
    // A bucket that is audited no more leaves no value behind.
    for (const gauge of [missing, unlisted]) gauge.reset();
    for (const { bucket, notReceived, notStored, problem } of buckets) {
      missing.set({ bucket, kind: 'not-received' }, notReceived);
      missing.set({ bucket, kind: 'not-stored' }, notStored);
      unlisted.set({ bucket }, problem === null ? 0 : 1);
    }
    behind.set(sinkBehind);
    endedAt.set(Date.parse(checkedAt) / 1000);
  };
}
