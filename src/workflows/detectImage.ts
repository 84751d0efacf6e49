import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  defineUpdate,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { DetectImageInput, DetectedImage } from '../domain/index.js';
import { DETECTIONS_UPDATE } from '../domain/topics.js';
import { detector, detectorLost, recordDead } from './detector.js';

/** Waits for the outcome: the boxes of the image, or the failure that the workflow ends with. */
export const detectionsUpdate = defineUpdate<DetectedImage>(DETECTIONS_UPDATE);

/**
 * Detects one image, under the same cap as batches, on the express queue; returns its boxes. Its result goes to Kafka
 * like any other. Fails with the reason code as type when the image is dead. Whoever waits by the update is answered
 * before it ends.
 */
export async function detectImage(input: DetectImageInput): Promise<DetectedImage> {
  let detecting = true;
  const outcome = detect(input).finally(() => (detecting = false));
  setHandler(detectionsUpdate, async () => {
    await condition(() => !detecting);
    return outcome;
  });
  try {
    return await outcome;
  } finally {
    await condition(allHandlersFinished);
  }
}

async function detect(input: DetectImageInput): Promise<DetectedImage> {
  const { model, bucket, object, generation, uploadedAtMs, receivedAtMs, maxAttempts } = input;
  const reference = {
    model,
    buckets: [bucket],
    images: [[0, object, generation, uploadedAtMs, receivedAtMs] as [number, string, string, number, number]],
  };
  const activities = detector({ model, express: true });
  let attempts = 0;
  for (let waitMs = 1000; ; waitMs = Math.min(60_000, waitMs * 2)) {
    const { detections, dead, retry } = await activities
      .detectImages({ ...reference, attempts: [attempts], express: true, withDetections: true })
      .catch(detectorLost);
    if (detections) return detections;
    const failure = dead[0] ?? retry[0];
    if (failure) attempts += 1;
    if (failure && dead.length === 0 && attempts >= maxAttempts) {
      await recordDead(activities, { ...reference, attempts: [attempts], dead: [failure] });
    }
    if (failure && (dead.length > 0 || attempts >= maxAttempts)) {
      throw ApplicationFailure.nonRetryable(`gs://${bucket}/${object}: ${failure.detail}`, failure.reason);
    }
    await sleep(waitMs);
  }
}
