import { ApplicationFailure, sleep } from '@temporalio/workflow';
import type { DetectImageInput, DetectedImage } from '../domain/index.js';
import { detector, detectorLost, recordDead } from './detector.js';

/**
 * Detects one image, under the same cap as batches, on the express queue; returns its boxes. Its result goes to Kafka
 * like any other. Fails with the reason code as type when the image is dead.
 */
export async function detectImage(input: DetectImageInput): Promise<DetectedImage> {
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
