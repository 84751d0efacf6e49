import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { DetectionActivities, OrchestrationActivities } from '../domain/index.js';
import { detectQueue } from '../domain/topics.js';

/**
 * Every activity has a bound on one attempt and on the tries. None has a bound on the time in the queue
 * (scheduleToStart, scheduleToClose): a batch that waits for a detector must never fail for waiting.
 */
export function detector({ model, express }: { model: string; express: boolean }): DetectionActivities {
  const taskQueue = detectQueue(model, express);
  const { detectImages } = proxyActivities<DetectionActivities>({
    taskQueue,
    startToCloseTimeout: '15 minutes',
    heartbeatTimeout: '15 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { maximumAttempts: 4, initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
  // Dead images must be recorded: 200 tries with backoff are over an hour and a half of a broker away.
  const { recordDead } = proxyActivities<DetectionActivities>({
    taskQueue,
    startToCloseTimeout: '1 minute',
    retry: { maximumAttempts: 200, initialInterval: '1 second', maximumInterval: '30 seconds' },
  });
  return { detectImages, recordDead };
}

/** For schedules: the next run does it again, so few tries are enough. */
export const periodic = proxyActivities<OrchestrationActivities>({
  startToCloseTimeout: '10 minutes',
  // A worker that was killed is noticed by its silence: without this the schedule would skip its runs for ten minutes.
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3, initialInterval: '1 second', maximumInterval: '10 seconds' },
});
