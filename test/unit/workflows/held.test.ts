import { ActivityFailure } from '@temporalio/workflow';
import { describe, expect, it, vi } from 'vitest';
import { hold } from '../../../src/workflows/held.js';
import { BatchState } from '../../../src/workflows/batchState.js';

const workflow = vi.hoisted(() => ({ slept: 0, holdImages: (): Promise<number[]> => Promise.resolve([]) }));

vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  patched: () => true,
  proxyActivities: () => ({ holdImages: () => workflow.holdImages() }),
  sleep: () => {
    workflow.slept += 1;
    return Promise.resolve();
  },
  workflowInfo: () => ({ workflowId: 'w' }),
}));

const failure = (): ActivityFailure =>
  new ActivityFailure('holdImages', 'holdImages', '1', 'MAXIMUM_ATTEMPTS_REACHED', 'x', new Error('away'));

const batch = (probe = false): BatchState =>
  new BatchState({
    ...{ model: 'shapes', lane: 'bulk', topic: 't', partition: 0, firstOffset: '0', lastOffset: '0', express: false },
    ...{ buckets: ['uploads'], images: [[0, '0.jpg', '1', 1, 2]], maxAttempts: 1, probe },
  });

describe('images that are to be held', () => {
  it('outlast a broker that is away for longer than all tries of the activity', async () => {
    const state = batch();
    state.merge([0], {
      ...{ detected: 0, dead: [], untried: [] },
      retry: [{ image: 0, reason: 'FORBIDDEN', detail: '403' }],
    });
    let failures = 3;
    workflow.holdImages = () => (failures-- > 0 ? Promise.reject(failure()) : Promise.resolve([0]));
    expect(await hold(state, state.takeExhausted())).toEqual([]);
    expect([workflow.slept, state.result().held]).toEqual([3, 1]);
  });

  it('are all that a probe has not detected, and those that are slow to decode say nothing of their source', async () => {
    const slow = { image: 0, reason: 'DECODE_TIMEOUT' as const, detail: 'slow' };
    workflow.holdImages = () => Promise.resolve([0]);
    const [probe, other] = [batch(true), batch()];
    for (const state of [probe, other]) state.merge([0], { detected: 0, dead: [], untried: [], retry: [slow] });
    expect(await hold(probe, probe.takeExhausted())).toEqual([]);
    expect(probe.probeOutcomes()).toEqual([{ bucket: 'uploads', model: 'shapes', failing: 0, working: 0 }]);
    expect(await hold(other, other.takeExhausted())).toHaveLength(1);
  });

  it('end the batch for a failure that is not of the activity', async () => {
    const state = batch();
    state.merge([0], {
      ...{ detected: 0, dead: [], untried: [] },
      retry: [{ image: 0, reason: 'FORBIDDEN', detail: '403' }],
    });
    workflow.holdImages = () => Promise.reject(new Error('a defect'));
    await expect(hold(state, state.takeExhausted())).rejects.toThrow('a defect');
  });
});
