import { proxyActivities } from '@temporalio/workflow';
import type { AuditOutcome, OrchestrationActivities } from '../domain/index.js';

/** A listing takes minutes; what can not be done in these is told by the age of the last one that ended. */
const { audit: compare } = proxyActivities<Pick<OrchestrationActivities, 'audit'>>({
  startToCloseTimeout: '25 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 2, initialInterval: '5 seconds', maximumInterval: '10 seconds' },
});

/** Compares buckets, events and results, and says what is missing. By schedule. */
export async function audit(): Promise<AuditOutcome> {
  return compare();
}
