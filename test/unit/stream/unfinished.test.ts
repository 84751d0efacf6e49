import { describe, expect, it, vi } from 'vitest';
import { Unfinished, type CommitOutcome } from '../../../src/stream/unfinished.js';

function rig(outcome: (next: bigint) => CommitOutcome | Promise<CommitOutcome> = () => 'made') {
  const commits: bigint[] = [];
  const failures: unknown[] = [];
  const unfinished = new Unfinished(
    async (next) => {
      commits.push(next);
      return outcome(next);
    },
    (error) => failures.push(error),
  );
  const add = (next: bigint) => {
    let finish = (): void => undefined;
    let fail = (): void => undefined;
    const done = new Promise<void>((resolve, reject) => {
      finish = resolve;
      fail = () => reject(new Error('away'));
    });
    return { finish, fail, over: unfinished.add(next, done) };
  };
  return { commits, failures, add };
}

describe('slices that are taken and not finished', () => {
  it('are committed as far as all before them have ended, in one commit', async () => {
    const { commits, add } = rig();
    const [first, second, third] = [add(10n), add(20n), add(30n)];
    second.finish();
    await second.over;
    expect(commits).toEqual([]);
    first.finish();
    await first.over;
    expect(commits).toEqual([20n]);
    third.finish();
    await third.over;
    expect(commits).toEqual([20n, 30n]);
  });

  it('are committed one commit at a time', async () => {
    let release = (): void => undefined;
    const { commits, add } = rig(async (next): Promise<CommitOutcome> => {
      if (next === 10n) await new Promise<void>((resolve) => (release = resolve));
      return 'made';
    });
    const [first, second] = [add(10n), add(20n)];
    first.finish();
    await vi.waitFor(() => expect(commits).toEqual([10n]));
    second.finish();
    await second.over;
    expect(commits).toEqual([10n]);
    release();
    await first.over;
    expect(commits).toEqual([10n, 20n]);
  });

  it('fail once, and nothing is committed from then on', async () => {
    const { commits, failures, add } = rig();
    const [first, second, third] = [add(10n), add(20n), add(30n)];
    first.fail();
    second.fail();
    third.finish();
    await Promise.all([first.over, second.over, third.over]);
    expect(commits).toEqual([]);
    expect(failures).toEqual([new Error('away')]);
  });

  it.each(['refused', 'stale'] as const)('end with a commit that is %s', async (outcome) => {
    const { commits, failures, add } = rig(() => outcome);
    const [first, second] = [add(10n), add(20n)];
    first.finish();
    await first.over;
    second.finish();
    await second.over;
    expect(commits).toEqual([10n]);
    expect(failures).toHaveLength(outcome === 'refused' ? 1 : 0);
  });
});
