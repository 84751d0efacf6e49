import { describe, expect, it } from 'vitest';
import type { DetectBatchInput } from '../../../src/domain/index.js';
import { BatchState } from '../../../src/workflows/batchState.js';

const input = (images: number): DetectBatchInput => ({
  model: 'shapes',
  lane: 'bulk',
  topic: 't',
  partition: 0,
  firstOffset: '0',
  lastOffset: String(images - 1),
  buckets: ['uploads'],
  images: Array.from({ length: images }, (_, index) => [0, `${index}.jpg`, '1', 1, 2]),
  maxAttempts: 3,
  express: false,
});

const gone = (image: number) => ({ image, reason: 'GONE' as const, detail: 'gone' });
const away = (image: number) => ({ image, reason: 'DOWNLOAD_FAILED' as const, detail: '503' });

describe('the state of a batch', () => {
  it('keeps each image pending, detected or dead, never two of them', () => {
    const state = new BatchState(input(6));
    state.merge(state.pendingTogether(), { detected: 3, dead: [gone(1)], retry: [away(2)], untried: [5] });
    expect([...state.pending]).toEqual([
      [2, 1],
      [5, 0],
    ]);
    expect(state.result()).toEqual({ images: 6, detected: 3, dead: { GONE: 1 } });
  });

  it('does not count an attempt for an image that was handed back', () => {
    const state = new BatchState(input(2));
    for (let round = 0; round < 10; round += 1)
      state.merge([0, 1], { detected: 0, dead: [], retry: [], untried: [0, 1] });
    expect([...state.pending.values()]).toEqual([0, 0]);
    expect(state.takeExhausted()).toEqual([]);
  });

  it('gives an image up after its attempts, with its last reason, and that fails the batch', () => {
    const state = new BatchState(input(1));
    for (let round = 0; round < 3; round += 1)
      state.merge([0], { detected: 0, dead: [], retry: [away(0)], untried: [] });
    expect(state.takeExhausted()).toEqual([{ image: 0, attempts: 3, failure: away(0) }]);
    expect(state.failing()).toEqual(['gs://uploads/0.jpg#1: DOWNLOAD_FAILED']);
    expect(state.deadSummary()).toBe('1 dead (1 DOWNLOAD_FAILED)');
  });

  it('does not fail a batch for pictures that can never be detected', () => {
    const state = new BatchState(input(2));
    state.merge([0, 1], { detected: 1, dead: [gone(0)], retry: [], untried: [] });
    expect(state.failing()).toEqual([]);
  });

  it('goes on where an earlier execution left off', () => {
    const state = new BatchState(input(4));
    state.merge([0, 1, 2, 3], { detected: 1, dead: [gone(0)], retry: [away(1)], untried: [2] });
    const next = new BatchState({ ...input(4), progress: state.progress() });
    expect(next.progress()).toEqual(state.progress());
    next.merge(next.pendingTogether(), { detected: 2, dead: [], retry: [], untried: [] });
    expect(next.result()).toEqual({ images: 4, detected: 3, dead: { GONE: 1 } });
  });

  it('maps the indexes of a retry back to the images of the batch', () => {
    const state = new BatchState(input(5));
    state.merge([0, 1, 2, 3, 4], { detected: 3, dead: [], retry: [away(1), away(4)], untried: [] });
    const pending = state.pendingTogether();
    expect(state.activityInput(pending).images.map(([, object]) => object)).toEqual(['1.jpg', '4.jpg']);
    state.merge(pending, { detected: 1, dead: [gone(1)], retry: [], untried: [] });
    expect([...state.dead]).toEqual([[4, 'GONE']]);
  });
});
