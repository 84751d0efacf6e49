import { describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../src/stream/groupCommit.js';

describe('a group commit', () => {
  it('commits at once when idle, and together what arrives meanwhile', async () => {
    const groups: number[][] = [];
    let release: () => void = () => undefined;
    const commits = new GroupCommit<number>((items) => {
      groups.push(items);
      return groups.length === 1 ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    }, 100);
    const first = commits.add([1]);
    await expect.poll(() => groups.length).toBe(1);
    const others = [commits.add([2]), commits.add([3, 4])];
    release();
    await Promise.all([first, ...others]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it('never makes a group larger than its bound', async () => {
    const sizes: number[] = [];
    const commits = new GroupCommit<number>((items) => {
      sizes.push(items.length);
      return Promise.resolve();
    }, 10);
    await Promise.all(Array.from({ length: 25 }, (_, item) => commits.add([item, item])));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(50);
  });

  it('fails for all of the group, and for it alone', async () => {
    let fail = true;
    const commits = new GroupCommit<number>(() => (fail ? Promise.reject(new Error('away')) : Promise.resolve()), 10);
    const outcomes = await Promise.allSettled([commits.add([1]), commits.add([2])]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fail = false;
    await expect(commits.add([3])).resolves.toBeUndefined();
  });
});
