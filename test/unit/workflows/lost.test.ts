import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { BatchWork } from '../../../src/activities/batchWork.js';
import { doneBeforeLoss, doneBy } from '../../../src/workflows/lost.js';

const failedFor = (cause: Error): ActivityFailure =>
  new ActivityFailure('activity failed', 'detectImages', '1', 'NON_RETRYABLE_FAILURE', 'a detector', cause);

describe('what a lost detector had done', () => {
  it.each([1, 5, 7, 8, 9, 16, 23, 24, 25, 256])('is what its last heartbeat told of %i images', (images) => {
    const input = {
      ...{ model: 'shapes', buckets: ['uploads'], express: false, attempts: Array<number>(images).fill(0) },
      images: Array.from({ length: images }, (_, image): [number, string, string, number, number] => {
        return [0, `${image}.jpg`, '1', 1, 2];
      }),
    };
    const work = new BatchWork(input);
    for (let image = 0; image < images; image += 1) {
      if (image % 5 === 1) work.settle(image, { kind: 'retry', reason: 'FORBIDDEN', detail: '' });
      else if (image % 7 === 2) work.settle(image, { kind: 'dead', reason: 'GONE', detail: '' });
      else if (image % 3 !== 1)
        work.settle(image, { kind: 'detected', image: { width: 1, height: 1, detections: [] }, detectedAtMs: 1 });
    }
    // As it comes out of a heartbeat.
    const told: unknown = JSON.parse(JSON.stringify(work.checkpoint()));
    expect(doneBy(told, images)).toEqual(work.result(false));
  });

  it.each([undefined, null, 'abc', { detected: 7, dead: [], retry: [] }, { detected: 'AAAA' }])(
    'is nothing where it told %j',
    (told) => {
      expect(doneBy(told, 3)).toEqual({ detected: 0, dead: [], retry: [], untried: [0, 1, 2] });
    },
  );

  it('is nothing where its heartbeat was about another number of images', () => {
    const told = { detected: Buffer.from([255, 255, 255, 255]).toString('base64'), dead: [], retry: [] };
    expect(doneBy(told, 3).untried).toEqual([0, 1, 2]);
  });

  it('is not asked for where the activity failed otherwise: no detector was lost', () => {
    expect(doneBeforeLoss(failedFor(ApplicationFailure.create({ message: 'no broker' })), 2)).toBeUndefined();
    expect(doneBeforeLoss(failedFor(new TimeoutFailure('late', undefined, 'START_TO_CLOSE')), 2)).toBeUndefined();
    const lost = failedFor(new TimeoutFailure('silent', { detected: 'AQ==', dead: [], retry: [] }, 'HEARTBEAT'));
    expect(doneBeforeLoss(lost, 2)).toEqual({ detected: 1, dead: [], retry: [], untried: [1] });
  });
});
