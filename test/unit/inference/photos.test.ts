import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { iou, type Detection } from '../../../src/domain/index.js';
import { loadModel, openSession, type Model, type ModelSession } from '../../../src/inference/model/index.js';
import { CPU, detect, hasShared, photo, SHARED } from './rig.js';

/** Boxes that YOLOX's own program gives for dog.jpg. */
const REFERENCE: readonly Omit<Detection, 'score'>[] = [
  { class: 'dog', xMin: 133, yMin: 206, xMax: 324, yMax: 542 },
  { class: 'car', xMin: 466, yMin: 78, xMax: 691, yMax: 171 },
  { class: 'bicycle', xMin: 45, yMin: 131, xMax: 571, yMax: 430 },
];

async function open(name: string): Promise<{ model: Model; session: ModelSession }> {
  const model = await loadModel(join(SHARED, 'models', name));
  const session = await openSession(model, CPU);
  onTestFinished(() => session.close());
  return { model, session };
}

function best(detections: readonly Detection[], name: string): Detection {
  const found = detections.find((detection) => detection.class === name);
  if (!found) throw new Error(`no ${name} among ${JSON.stringify(detections)}`);
  return found;
}

describe.skipIf(!hasShared).each([
  ['yolox-nano', { dog: 0.85, others: 0.85 }],
  // FastestDet sees the bicycle begin at its frame.
  ['fastestdet', { dog: 0.85, others: 0.6 }],
])('%s on photos (skipped where ../shared is absent)', (name, leastIou) => {
  test('finds the dog, the car and the bicycle where they are', async () => {
    const { model, session } = await open(name);
    expect(session.maxBatch).toBe(1);
    const { prepared, detections } = await detect(session, model, await photo('dog.jpg'));
    expect(prepared).toMatchObject({ width: 768, height: 576 });
    expect(
      detections
        .slice(0, 3)
        .map((found) => found.class)
        .sort(),
    ).toEqual(['bicycle', 'car', 'dog']);
    for (const wanted of REFERENCE) {
      const found = best(detections, wanted.class);
      expect(iou(found, wanted)).toBeGreaterThan(wanted.class === 'dog' ? leastIou.dog : leastIou.others);
      expect(found.score).toBeGreaterThan(0.7);
    }
  });

  test('finds the bus', async () => {
    const { model, session } = await open(name);
    const { detections } = await detect(session, model, await photo('bus.jpg'));
    const bus = best(detections, 'bus');
    expect(bus.score).toBeGreaterThan(0.9);
    expect(iou(bus, { xMin: 47, yMin: 81, xMax: 594, yMax: 420 })).toBeGreaterThan(0.85);
    expect(detections.filter((found) => found.class === 'bus')).toHaveLength(1);
  });

  test('finds the people in the park', async () => {
    const { model, session } = await open(name);
    const { detections } = await detect(session, model, await photo('park.jpg'));
    expect(detections.filter((found) => found.class === 'person')).toHaveLength(4);
  });
});
