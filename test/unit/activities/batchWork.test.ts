import { describe, expect, it } from 'vitest';
import { BatchWork, parseCheckpoint } from '../../../src/activities/batchWork.js';
import type { DetectImagesInput } from '../../../src/domain/index.js';
import type { ImageOutcome } from '../../../src/inference/index.js';

const input = (images: number): DetectImagesInput => ({
  model: 'shapes',
  buckets: ['uploads'],
  images: Array.from({ length: images }, (_, index) => [0, `${index}.jpg`, '1', 1, 2]),
  attempts: Array.from({ length: images }, () => 0),
  express: false,
});
const detected: ImageOutcome = { kind: 'detected', image: { width: 1, height: 1, detections: [] }, detectedAtMs: 1 };
const dead: ImageOutcome = { kind: 'dead', reason: 'GONE', detail: 'gone' };
const never = new Promise<void>(() => undefined);
const fed = { starved: () => 0, starvedMs: 30_000 };

describe('the work of an activity', () => {
  it('ends when every image has an outcome', async () => {
    const work = new BatchWork(input(3));
    const finished = work.finished({ stallMs: 10_000, limitMs: 10_000, ...fed, cancelled: never });
    work.settle(0, detected);
    work.settle(1, dead);
    work.settle(2, detected);
    await finished;
    expect(work.result(false)).toMatchObject({ detected: 2, untried: [], dead: [{ image: 1, reason: 'GONE' }] });
  });

  it('hands back what it did not get to when nothing moves', async () => {
    const work = new BatchWork(input(2));
    work.settle(0, detected);
    await work.finished({ stallMs: 50, limitMs: 10_000, ...fed, cancelled: never });
    expect(work.result(false)).toMatchObject({ detected: 1, untried: [1] });
  });

  it('hands back what it did not get to when the pacer lets nothing run', async () => {
    const work = new BatchWork(input(2));
    const starvedSince = performance.now();
    const starved = (): number => performance.now() - starvedSince;
    await work.finished({ stallMs: 60_000, starved, starvedMs: 50, limitMs: 60_000, cancelled: never });
    expect(work.result(false)).toMatchObject({ detected: 0, untried: [0, 1] });
  });

  it('goes on from the heartbeat of a try that was lost', () => {
    const first = new BatchWork(input(20));
    for (let image = 0; image < 17; image += 1) first.settle(image, image === 3 ? dead : detected);
    const details: unknown = JSON.parse(JSON.stringify(first.checkpoint()));
    const second = new BatchWork(input(20), parseCheckpoint(details));
    expect(second.pending()).toEqual([17, 18, 19]);
    for (const image of [17, 18, 19]) second.settle(image, detected);
    expect(second.result(false)).toMatchObject({ detected: 19, untried: [], dead: [{ image: 3 }] });
  });

  it('counts an outcome once', () => {
    const work = new BatchWork(input(2));
    work.settle(0, detected);
    work.settle(0, dead);
    work.release(0);
    expect(work.result(false)).toMatchObject({ detected: 1, dead: [], untried: [1] });
  });
});
