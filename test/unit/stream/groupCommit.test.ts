import { describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../src/stream/groupCommit.js';

describe('a group commit', () => {
  it('commits at once when idle, and together what arrives meanwhile', async () => {
    const groups: number[][] = [];
    let release: () => void = () => undefined;
    const commits = new GroupCommit<number>(
      (items) => {
        groups.push(items);
        return groups.length === 1 ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
      },
      { maxItems: 100 },
    );
    const first = commits.add([1]);
    await expect.poll(() => groups.length).toBe(1);
    const others = [commits.add([2]), commits.add([3, 4])];
    release();
    await Promise.all([first, ...others]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it('never makes a group larger than its bound', async () => {
    const sizes: number[] = [];
    const commits = new GroupCommit<number>(
      (items) => {
        sizes.push(items.length);
        return Promise.resolve();
      },
      { maxItems: 10 },
    );
    await Promise.all(Array.from({ length: 25 }, (_, item) => commits.add([item, item])));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(50);
  });

  it('fails for all of the group, and for it alone', async () => {
    let fail = true;
    const commits = new GroupCommit<number>(() => (fail ? Promise.reject(new Error('away')) : Promise.resolve()), {
      maxItems: 10,
    });
    const outcomes = await Promise.allSettled([commits.add([1]), commits.add([2])]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fail = false;
    await expect(commits.add([3])).resolves.toBeUndefined();
  });

  it('keeps commits apart under a trickle, and is at once after a pause', async () => {
    const at: number[] = [];
    const commits = new GroupCommit<number>(
      () => {
        at.push(performance.now());
        return Promise.resolve();
      },
      { maxItems: 10, minIntervalMs: 100 },
    );
    const began = performance.now();
    await commits.add([1]);
    expect(performance.now() - began).toBeLessThan(90);
    await Promise.all([commits.add([2]), commits.add([3])]);
    expect(at).toHaveLength(2);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(95);
  });

  it('does not wait for the interval with a group that is full', async () => {
    const groups: number[] = [];
    const commits = new GroupCommit<number>(
      (items) => {
        groups.push(items.length);
        return Promise.resolve();
      },
      { maxItems: 100, minIntervalMs: 60_000, fullItems: 3 },
    );
    await commits.add([1]);
    await Promise.all([commits.add([2]), commits.add([3]), commits.add([4])]);
    await commits.add([5, 6, 7, 8]);
    expect(groups).toEqual([1, 3, 4]);
  });

  it('waits less after a commit of next to nothing', async () => {
    const groups: number[] = [];
    const commits = new GroupCommit<number>(
      (items) => {
        groups.push(items.length);
        return Promise.resolve();
      },
      { maxItems: 100, minIntervalMs: 60_000, trickle: { items: 2, intervalMs: 20 } },
    );
    await commits.add([1]);
    await commits.add([2, 3]);
    await commits.add([4, 5, 6]);
    void commits.add([7]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(groups).toEqual([1, 2, 3]);
  });
});
