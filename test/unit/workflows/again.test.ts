import { ActivityFailure } from '@temporalio/workflow';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DetectBatchInput, KnownOutcomes, OutcomesInput } from '../../../src/domain/index.js';
import { Again } from '../../../src/workflows/again.js';
import { BatchState } from '../../../src/workflows/batchState.js';

const workflow = vi.hoisted(() => ({
  asked: [] as OutcomesInput[],
  slept: 0,
  patches: new Set<string>(),
  info: {},
  memo: [] as unknown[],
  attributes: [] as unknown[],
  outcomesOf: (): Promise<KnownOutcomes> => Promise.resolve({ detected: [], dead: [] }),
}));

vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  patched: (name: string) => workflow.patches.has(name),
  proxyActivities: () => ({
    outcomesOf: (input: OutcomesInput) => {
      workflow.asked.push(input);
      return workflow.outcomesOf();
    },
  }),
  sleep: () => {
    workflow.slept += 1;
    return Promise.resolve();
  },
  upsertMemo: (memo: unknown) => workflow.memo.push(memo),
  upsertSearchAttributes: (some: unknown) => workflow.attributes.push(some),
  workflowInfo: () => workflow.info,
}));

const input: DetectBatchInput = {
  ...{ model: 'shapes', lane: 'bulk', topic: 't', partition: 0, firstOffset: '0', lastOffset: '3', express: false },
  ...{ buckets: ['uploads'], images: [0, 1, 2, 3].map((index) => [0, `${index}.jpg`, '1', 1, 2]), maxAttempts: 1 },
};
const away = (image: number) => ({ image, reason: 'DOWNLOAD_FAILED' as const, detail: '503' });
const memo = { firstOffset: '0', lastOffset: '3' };
const attributes = { getAll: () => [{ key: { name: 'PenstockModel' } }] };
const first = {
  runId: 'r',
  originalExecutionRunId: 'r',
  memo: { ...memo, fresh: true },
  typedSearchAttributes: attributes,
};
const reset = { ...first, runId: 'r2' };

function run(info: object, from: DetectBatchInput = input): { state: BatchState; again: Again } {
  workflow.info = { ...info };
  const state = new BatchState(from);
  return { state, again: new Again(from, state) };
}

beforeEach(() => {
  workflow.asked = [];
  workflow.memo = [];
  workflow.attributes = [];
  workflow.slept = 0;
  workflow.patches = new Set(['again', 'againAtEnd', 'againDead']);
  workflow.outcomesOf = () => Promise.resolve({ detected: [1], dead: [[2, 'GONE']] });
});

describe('a run of a batch', () => {
  it.each([
    ['started by a dispatcher', first],
    ['that continues one as new', { ...first, memo, continuedFromExecutionRunId: 'r0' }],
  ])('%s asks nothing, at its begin and at its end', async (_name, info) => {
    const { state, again } = run(info);
    await again.begin();
    state.merge([0, 1, 2, 3], { detected: 3, dead: [away(0)], retry: [], untried: [] });
    expect(await again.goesOn()).toBe(false);
    expect(workflow.asked).toEqual([]);
  });

  it.each([
    ['started by the verb', { ...first, memo }],
    ['started by hand, without a memo', { ...first, memo: undefined }],
    ['reset to its start', reset],
  ])('%s leaves out what has an outcome, and goes on no more at its end', async (_name, info) => {
    const { state, again } = run(info);
    await again.begin();
    expect(workflow.asked).toEqual([{ model: 'shapes', buckets: ['uploads'], images: input.images }]);
    expect(state.pendingTogether()).toEqual([0, 3]);
    expect(state.result()).toEqual({ images: 4, detected: 1, dead: { GONE: 1 } });
    expect(workflow.memo).toEqual('memo' in info && info.memo === undefined ? [memo] : []);
    state.merge([0, 3], { detected: 1, dead: [away(0)], retry: [], untried: [] });
    expect(await again.goesOn()).toBe(false);
  });

  it.each([
    ['none', [], [{ PenstockBucket: ['uploads'], PenstockModel: ['shapes'], PenstockImages: [4] }]],
    ['those of a start', ['PenstockModel'], []],
    ['those of a failed run', ['PenstockModel', 'PenstockDead'], [{ PenstockDead: [] }]],
  ])(
    'with the search attributes %s has those of a start, and not the dead of another',
    async (_name, names, upserted) => {
      const typedSearchAttributes = { getAll: () => names.map((name) => ({ key: { name } })) };
      await run({ ...first, memo: undefined, typedSearchAttributes }).again.begin();
      expect(workflow.attributes).toEqual(upserted);
    },
  );

  it('that copies the progress of another tries again what is dead for a reason that passes, from its first attempt', async () => {
    workflow.outcomesOf = () => Promise.resolve({ detected: [0], dead: [] });
    const progress = {
      detected: 1,
      pending: [[1, 3]],
      dead: [
        [2, 'GONE'],
        [3, 'FORBIDDEN'],
      ],
    } as DetectBatchInput['progress'];
    const { state, again } = run({ ...first, memo: undefined }, { ...input, ...(progress ? { progress } : {}) });
    await again.begin();
    expect(workflow.asked[0]?.images.map(([, object]) => object)).toEqual(['1.jpg', '3.jpg']);
    expect([...state.pending]).toEqual([[3, 0]]);
    expect(state.result()).toEqual({ images: 4, detected: 2, dead: { GONE: 1 } });
  });

  it('reset to a moment when its images were dead already tries them again, once', async () => {
    workflow.patches.delete('again');
    workflow.outcomesOf = () => Promise.resolve({ detected: [0], dead: [] });
    const { state, again } = run(reset);
    await again.begin();
    expect(workflow.asked).toEqual([]);
    const dead = [away(0), away(1), { image: 2, reason: 'GONE' as const, detail: '' }];
    state.merge([0, 1, 2, 3], { detected: 1, dead, retry: [], untried: [] });
    expect(await again.goesOn()).toBe(true);
    expect(workflow.asked[0]?.images.map(([, object]) => object)).toEqual(['0.jpg', '1.jpg']);
    expect([...state.pending]).toEqual([[1, 0]]);
    state.merge([1], { detected: 0, dead: [away(0)], retry: [], untried: [] });
    expect(await again.goesOn()).toBe(false);
  });

  it('reset, that is continued as new before its end, leaves it to the last run to try them again', async () => {
    workflow.patches.delete('again');
    const { state, again } = run(reset);
    await again.begin();
    state.merge([0, 1, 2], { detected: 2, dead: [away(0)], retry: [], untried: [] });
    const continued = { ...first, runId: 'r3', originalExecutionRunId: 'r3', continuedFromExecutionRunId: 'r2' };
    const second = run(continued, { ...input, progress: again.progress() });
    await second.again.begin();
    const third = run(continued, { ...input, progress: second.again.progress() });
    third.state.merge([3], { detected: 1, dead: [], retry: [], untried: [] });
    workflow.outcomesOf = () => Promise.resolve({ detected: [], dead: [] });
    expect(await third.again.goesOn()).toBe(true);
    expect([...third.state.pending]).toEqual([[0, 0]]);
    expect(third.again.progress()).not.toHaveProperty('reset');
    expect(run(first).again.progress()).not.toHaveProperty('reset');
  });

  it('waits for the tables for as long as they are away', async () => {
    let failures = 3;
    const failure = new ActivityFailure(
      'outcomesOf',
      'outcomesOf',
      '1',
      'MAXIMUM_ATTEMPTS_REACHED',
      'x',
      new Error('away'),
    );
    workflow.outcomesOf = () =>
      failures-- > 0 ? Promise.reject(failure) : Promise.resolve({ detected: [], dead: [] });
    const { state, again } = run({ ...first, memo });
    await again.begin();
    expect([workflow.slept, state.pending.size]).toEqual([3, 4]);
  });
});
