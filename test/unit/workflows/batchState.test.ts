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

  it('tells where one of its images is, with its tries and last failure', () => {
    const state = new BatchState(input(4));
    const find = (object: string, generation = '1') => state.find({ bucket: 'uploads', object, generation });
    expect(find('0.jpg')).toEqual({ state: 'pending', attempts: 0 });
    state.merge([0, 1, 2, 3], { detected: 2, dead: [gone(1)], retry: [away(2)], untried: [] });
    expect(find('0.jpg')).toEqual({ state: 'detected' });
    expect(find('1.jpg')).toEqual({ state: 'dead', reason: 'GONE' });
    const failure = { reason: 'DOWNLOAD_FAILED', detail: '503' };
    expect(find('2.jpg')).toEqual({ state: 'pending', attempts: 1, failure });
    expect([find('2.jpg', '2'), find('9.jpg')]).toEqual([null, null]);
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

  it('tells of images that fail twice for a reason of the system, by bucket, each once, and how many others work', () => {
    const two = { ...input(6), buckets: ['locked', 'open'] };
    two.images = two.images.map(([, ...rest], index) => [index < 3 ? 0 : 1, ...rest]);
    const state = new BatchState({ ...two, maxAttempts: 5 });
    const forbidden = (image: number) => ({ image, reason: 'FORBIDDEN' as const, detail: '403' });
    const late = { image: 3, reason: 'DECODE_TIMEOUT' as const, detail: 'slow' };
    state.merge([0, 1, 2, 3, 4, 5], {
      detected: 2,
      dead: [gone(5)],
      retry: [forbidden(0), forbidden(1), late],
      untried: [],
    });
    expect(state.takeEvidence()).toEqual([]);
    state.merge([0, 1, 3], {
      detected: 0,
      dead: [],
      retry: [forbidden(0), forbidden(1), { ...late, image: 2 }],
      untried: [],
    });
    const evidence = { bucket: 'locked', model: 'shapes', reason: 'FORBIDDEN', detail: '403' };
    expect(state.takeEvidence()).toEqual([{ ...evidence, failing: 2, working: 1 }]);
    expect(state.takeEvidence()).toEqual([]);
  });

  it('takes images that came too late for no sign that their source works', () => {
    const state = new BatchState({ ...input(3), probe: true });
    const late = (image: number) => ({ image, reason: 'EXPIRED' as const, detail: 'too late' });
    state.merge([0, 1, 2], { detected: 0, dead: [late(0), late(1), late(2)], retry: [], untried: [] });
    expect(state.probeOutcomes()).toEqual([{ bucket: 'uploads', model: 'shapes', failing: 0, working: 0 }]);
  });

  it('has the images of a probe held whatever is open: they had fewer tries', () => {
    const state = new BatchState({ ...input(1), maxAttempts: 1, probe: true });
    state.merge([0], { detected: 0, dead: [], retry: [away(0)], untried: [] });
    expect(state.holdInput(state.takeExhausted(), 'w').always).toBe(true);
  });

  it('counts held images neither as dead nor as detected, and a probe reports them', () => {
    const state = new BatchState({ ...input(3), maxAttempts: 1, probe: true });
    state.merge([0, 1, 2], { detected: 1, dead: [], retry: [away(0), away(1)], untried: [] });
    const exhausted = state.takeExhausted();
    expect(state.holdInput(exhausted, 'w')).toMatchObject({ lane: 'bulk', workflowId: 'w', images: [{}, {}] });
    state.hold([0]);
    expect(state.result()).toEqual({ images: 3, detected: 1, dead: { DOWNLOAD_FAILED: 1 }, held: 1 });
    expect(state.failing()).toEqual(['gs://uploads/1.jpg#1: DOWNLOAD_FAILED']);
    const outcome = { bucket: 'uploads', model: 'shapes', reason: 'DOWNLOAD_FAILED', detail: '503' };
    expect(state.probeOutcomes()).toEqual([{ ...outcome, failing: 2, working: 1 }]);
    const later = new BatchState({ ...input(3), progress: state.progress() });
    expect(later.result()).toEqual(state.result());
  });
});
