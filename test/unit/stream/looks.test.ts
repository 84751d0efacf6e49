import { describe, expect, it } from 'vitest';
import { Looks } from '../../../src/stream/looks.js';

describe('looks at partitions', () => {
  it('are shared by all of a topic who ask in one turn, and none begins before it was asked for', async () => {
    const begun: string[] = [];
    const looks = new Looks((topic, partitions) => {
      begun.push(`${topic} ${partitions.join(',')}`);
      return Promise.resolve();
    });
    const first = [looks.at('a', 1), looks.at('b', 1), looks.at('a', 1)];
    // As what waits for one insert goes on: one after the other, in the same turn.
    for (let step = 0; step < 5; step += 1) await Promise.resolve();
    first.push(looks.at('a', 2));
    expect(begun).toEqual([]);
    await Promise.all(first);
    expect(begun).toEqual(['a 1,2', 'b 1']);
    await looks.at('a', 3);
    expect(begun.at(-1)).toBe('a 3');
  });

  it('fail for all who share one, and not for who asks afterwards', async () => {
    let fails = true;
    const looks = new Looks(() => (fails ? Promise.reject(new Error('away')) : Promise.resolve()));
    const outcomes = await Promise.allSettled([looks.at('a', 1), looks.at('a', 2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await expect(looks.at('a', 1)).resolves.toBeUndefined();
  });
});
