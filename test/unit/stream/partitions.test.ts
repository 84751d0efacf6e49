import type { Admin } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { Partitions } from '../../../src/stream/partitions.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

const TOPIC = 't';

/** What a broker answers about one partition: the commit (-1: none, -2: kafkajs has jumped) and the ends of the log. */
function broker(state: { commit: string; low: string; high: string }) {
  const admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'> = {
    fetchOffsets: () =>
      Promise.resolve([{ topic: TOPIC, partitions: [{ partition: 0, offset: state.commit, metadata: null }] }]),
    fetchTopicOffsets: () => Promise.resolve([{ partition: 0, offset: state.high, low: state.low, high: state.high }]),
  };
  return new Partitions(admin as Admin, 'g', createLogger('test', 'silent'), createMetrics('test'));
}

async function admitted(state: { commit: string; low: string; high: string }): Promise<Partitions> {
  const partitions = broker(state);
  await partitions.admit(TOPIC, [0], () => true);
  return partitions;
}

describe('a commit that is not where it was put', () => {
  it('is put there again when an older one came late: nothing is read twice', async () => {
    const state = { commit: '1000', low: '0', high: '1200' };
    const partitions = await admitted(state);
    state.commit = '990';
    expect(await partitions.examine(TOPIC, [0])).toEqual({
      movedBack: [{ partition: 0, offset: 1000n }],
      madeAgain: [],
      stopped: [],
    });
  });

  it.each(['-1', '-2'])('means that the topic was made again when it is %s and the log begins anew', async (commit) => {
    const state = { commit: '1000', low: '0', high: '1200' };
    const partitions = await admitted(state);
    Object.assign(state, { commit, low: '0', high: '30' });
    const { madeAgain } = await partitions.examine(TOPIC, [0]);
    expect(madeAgain).toEqual([{ partition: 0, offset: 0n, wasStopped: false }]);
  });

  it('stops the partition when the log begins above it', async () => {
    const state = { commit: '1000', low: '0', high: '1200' };
    const partitions = await admitted(state);
    Object.assign(state, { commit: '-2', low: '1100' });
    expect((await partitions.examine(TOPIC, [0])).stopped).toEqual([{ partition: 0, offset: 1000n }]);
    expect(partitions.problems()).toEqual(['t/0: 100 records are gone unread; the partition is stopped']);
  });
});

it('an admission whose generation has ended leaves nothing behind', async () => {
  const partitions = broker({ commit: '-1', low: '5', high: '9' });
  expect(await partitions.admit(TOPIC, [0], () => false)).toEqual({ fit: [], uncommitted: [] });
  expect(partitions.admitted(TOPIC)).toEqual([]);
});
