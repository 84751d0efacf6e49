import type { Detection } from '../../domain/index.js';
import type { Model } from './load.js';
import { suppress, type Candidate } from './nms.js';
import type { Prepared } from './prepare.js';

/** Most boxes of a picture. */
const MOST_DETECTIONS = 300;

/** From candidates in input pixels to detections in picture pixels: suppressed, inside the picture, best first. */
export function toDetections(candidates: Candidate[], model: Model, prepared: Prepared): Detection[] {
  const inPicture = candidates.flatMap((candidate) => mapBack(candidate, prepared));
  return suppress(inPicture, model.iouThreshold, MOST_DETECTIONS).flatMap(({ classIndex, score, ...box }) => {
    const name = model.classes[classIndex];
    const rounded = { xMin: cents(box.xMin), yMin: cents(box.yMin), xMax: cents(box.xMax), yMax: cents(box.yMax) };
    if (name === undefined || rounded.xMin >= rounded.xMax || rounded.yMin >= rounded.yMax) return [];
    return [{ class: name, score: Math.round(Math.min(1, score) * 1e4) / 1e4, ...rounded }];
  });
}

function mapBack(candidate: Candidate, { width, height, scaleX, scaleY, offsetX, offsetY }: Prepared): Candidate[] {
  const xMin = clamp((candidate.xMin - offsetX) / scaleX, width);
  const yMin = clamp((candidate.yMin - offsetY) / scaleY, height);
  const xMax = clamp((candidate.xMax - offsetX) / scaleX, width);
  const yMax = clamp((candidate.yMax - offsetY) / scaleY, height);
  // Written so that a box with NaN is none.
  return xMin < xMax && yMin < yMax ? [{ ...candidate, xMin, yMin, xMax, yMax }] : [];
}

function clamp(value: number, max: number): number {
  return Math.min(max, Math.max(0, value));
}

/** A hundredth of a pixel is more than any model knows, and a third of the bytes of a double. */
function cents(value: number): number {
  return Math.round(value * 100) / 100;
}
