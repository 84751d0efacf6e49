import { ActivityCancellationType, ActivityFailure, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { DetectImagesResult, DetectionActivities, RecordDeadInput } from '../domain/index.js';
import { detectQueue } from '../domain/topics.js';
import { untilDone } from './untilDone.js';

/**
 * Every activity has a bound on one attempt and on the tries. None has a bound on the time in the queue
 * (scheduleToStart, scheduleToClose): a batch that waits for a detector must never fail for waiting.
 *
 * With `countLosses` a detector that is lost fails the activity at once: the workflow counts such losses itself.
 */
export function detector(
  { model, express }: { model: string; express: boolean },
  { countLosses = false }: { countLosses?: boolean } = {},
): DetectionActivities {
  const taskQueue = detectQueue(model, express);
  const { detectImages } = proxyActivities<DetectionActivities>({
    taskQueue,
    startToCloseTimeout: '15 minutes',
    heartbeatTimeout: '15 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // An eager activity would take no slot of its queue.
    allowEagerDispatch: false,
    retry: {
      ...{ maximumAttempts: 4, initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
      ...(countLosses ? { nonRetryableErrorTypes: ['TemporalTimeout:Heartbeat'] } : {}),
    },
  });
  // Dead images must be recorded: 200 tries with backoff are over an hour and a half of a broker away.
  const { recordDead } = proxyActivities<DetectionActivities>({
    taskQueue,
    startToCloseTimeout: '1 minute',
    retry: { maximumAttempts: 200, initialInterval: '1 second', maximumInterval: '30 seconds' },
  });
  return { detectImages, recordDead };
}

export async function recordDead(activities: DetectionActivities, dead: RecordDeadInput): Promise<void> {
  await untilDone(() => activities.recordDead(dead));
}

/** An image was alone on a detector, and the detector died or failed as a whole: an attempt of that image. */
export function detectorLost(error: unknown): DetectImagesResult {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  const detail = (error.cause?.message ?? error.message).slice(0, 200);
  return { detected: 0, dead: [], untried: [], retry: [{ image: 0, reason: 'WORKER_LOST', detail }] };
}
