import { ActivityFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { DetectImagesInput } from '../../../src/domain/index.js';
import { runAlone, type Detect } from '../../../src/workflows/alone.js';
import { BatchState } from '../../../src/workflows/batchState.js';

const LOST = new ActivityFailure(
  ...(['activity failed', 'detectImages', '1', 'NON_RETRYABLE_FAILURE', 'a detector'] as const),
  new TimeoutFailure('no heartbeat', undefined, 'HEARTBEAT'),
);

function batch(images: number): BatchState {
  return new BatchState({
    ...{ model: 'shapes', lane: 'bulk', topic: 'bulk', partition: 0, firstOffset: '0', lastOffset: String(images - 1) },
    ...{ buckets: ['uploads'], maxAttempts: 3, express: false },
    images: Array.from({ length: images }, (_, image) => [0, String(image), '1', 1, 2]),
  });
}

const imageOf = ({ images }: DetectImagesInput): number => Number(images[0]?.[1]);

/** A detector that the killers take with them, and with them whatever else is on it. */
function detectorWith(...killers: number[]): { detect: Detect; calls: number[][] } {
  /** What was on the detector when an image came to it, that image last. */
  const calls: number[][] = [];
  const inside = new Map<number, (error: unknown) => void>();
  const detect: Detect = async (input) => {
    expect(input.images).toHaveLength(1);
    const image = imageOf(input);
    try {
      await new Promise((resolve, reject) => {
        inside.set(image, reject);
        calls.push([...inside.keys()]);
        setTimeout(() => {
          if (killers.includes(image)) for (const lose of inside.values()) lose(LOST);
          else resolve(undefined);
        });
      });
    } finally {
      inside.delete(image);
    }
    return { detected: 1, dead: [], retry: [], untried: [] };
  };
  return { detect, calls };
}

describe('images that run alone', () => {
  it('lose an attempt only where they were alone on the detector that was lost', async () => {
    const state = batch(30);
    const suspects = new Set<number>();
    const { detect, calls } = detectorWith(4, 17);
    expect(await runAlone(detect, state, suspects)).toEqual({ progressed: true, lost: true });
    expect([...state.pending]).toEqual([
      [4, 1],
      [17, 1],
    ]);
    expect(suspects.size).toBeGreaterThan(2);
    expect(suspects.size).toBeLessThanOrEqual(16);
    // Each once side by side, at most eight at a time; suspects once more, with nobody beside them.
    expect(calls).toHaveLength(30 + suspects.size);
    expect(Math.max(...calls.map(({ length }) => length))).toBe(8);
    expect(calls.slice(30)).toEqual([...suspects].map((image) => [image]));
  });

  it('are one after the other from the start where they are few', async () => {
    const state = batch(8);
    const { detect, calls } = detectorWith(0);
    await runAlone(detect, state, new Set());
    expect(calls).toEqual(Array.from({ length: 8 }, (_, image) => [image]));
    expect([...state.pending]).toEqual([[0, 1]]);
  });

  it('stay suspects from round to round, and no other image is run again', async () => {
    const state = batch(20);
    const suspects = new Set<number>();
    const { detect, calls } = detectorWith(4);
    await runAlone(detect, state, suspects);
    calls.splice(0);
    expect(await runAlone(detect, state, suspects)).toEqual({ progressed: false, lost: true });
    expect(calls).toEqual([[4]]);
    expect([...state.pending]).toEqual([[4, 2]]);
  });

  it('are no suspects when the batch is cancelled', async () => {
    const cancelled = new CancelledFailure('cancelled');
    for (const images of [3, 20]) {
      const suspects = new Set<number>();
      await expect(runAlone(() => Promise.reject(cancelled), batch(images), suspects)).rejects.toBe(cancelled);
    }
  });
});
