import type { ImageResult } from './messages.js';
import type { ImageReason } from './reasons.js';

/**
 * The result of an image that is dead before a detector had it: under the name of its model alone, since no version of
 * it has looked. A detection under any version takes its place.
 */
export function refusedResult(
  image: Pick<ImageResult, 'bucket' | 'object' | 'generation' | 'model' | 'uploadedAtMs' | 'receivedAtMs'>,
  { reason, detail, nowMs }: { reason: ImageReason; detail: string; nowMs: number },
): ImageResult {
  const { bucket, object, generation, model, uploadedAtMs, receivedAtMs } = image;
  return {
    ...{ v: 1, bucket, object, generation, model, status: 'dead', reason, detail: detail.slice(0, 500) },
    ...{ width: 0, height: 0, detections: [], uploadedAtMs, receivedAtMs, detectedAtMs: nowMs, attempts: 0 },
    ...{ workflowId: '', runId: '' },
  };
}
