import { proxyActivities } from '@temporalio/workflow';
import type { OrchestrationActivities } from '../domain/index.js';

/** For schedules: the next run does it again, so few tries are enough. */
export const periodic = proxyActivities<OrchestrationActivities>({
  startToCloseTimeout: '10 minutes',
  // A worker that was killed is noticed by its silence: without this the schedule would skip its runs for ten minutes.
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3, initialInterval: '1 second', maximumInterval: '10 seconds' },
});
