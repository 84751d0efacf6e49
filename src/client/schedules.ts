import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleOptions,
} from '@temporalio/client';
import type { Duration } from '@temporalio/common';
import type { Config } from '../config/index.js';
import { AUDIT_SCHEDULE_ID, ORCHESTRATION_QUEUE } from '../domain/index.js';

/** Most time of one run of a schedule. */
const RUN_TIMEOUT = '30 minutes';
const AUDIT_TIMEOUT = '1 hour';

/** Creates the schedules of Penstock, or brings those that exist in line with the configuration. */
export async function ensureSchedules(client: Client, config: Config): Promise<void> {
  const hour = 3_600_000;
  await ensure(client, every('penstock-rollup', 'rollUp', [{ verify: false }], config.PENSTOCK_ROLLUP_INTERVAL_MS));
  await ensure(client, every('penstock-rollup-verify', 'rollUp', [{ verify: true }], 24 * hour));
  await ensure(client, every('penstock-housekeep', 'housekeep', [], config.PENSTOCK_HOUSEKEEP_INTERVAL_MS));
  if (config.PENSTOCK_AUDIT_BUCKETS.length === 0) await remove(client, AUDIT_SCHEDULE_ID);
  else await ensure(client, every(AUDIT_SCHEDULE_ID, 'audit', [], config.PENSTOCK_AUDIT_INTERVAL_MS, AUDIT_TIMEOUT));
}

/** A run that is late is skipped, never queued: the next one does the same work. */
function every(
  scheduleId: string,
  workflowType: string,
  args: unknown[],
  intervalMs: number,
  workflowExecutionTimeout: Duration = RUN_TIMEOUT,
): ScheduleOptions {
  return {
    scheduleId,
    spec: { intervals: [{ every: intervalMs }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
    action: {
      type: 'startWorkflow',
      workflowType,
      args,
      workflowId: scheduleId,
      taskQueue: ORCHESTRATION_QUEUE,
      workflowExecutionTimeout,
    },
  };
}

async function ensure(client: Client, options: ScheduleOptions): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(options.scheduleId).update((current) => ({
      ...current,
      spec: options.spec,
      policies: { ...current.policies, ...options.policies },
      action: current.action,
    }));
  }
}

/** What an earlier configuration made and this one does not want. */
async function remove(client: Client, scheduleId: string): Promise<void> {
  try {
    await client.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}
