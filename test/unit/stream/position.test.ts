import { describe, expect, it } from 'vitest';
import { PartitionPosition } from '../../../src/stream/position.js';

describe('the position of a partition', () => {
  it('begins at the start of the log without a commit', () => {
    expect(PartitionPosition.of(undefined, { low: 5n, high: 9n }).expected).toBe(5n);
  });

  it('begins at the start of the log when the commit lies above its end: the topic was made again', () => {
    expect(PartitionPosition.of(100n, { low: 0n, high: 9n }).expected).toBe(0n);
  });

  it('finds records missing when the log begins above the commit', () => {
    const position = PartitionPosition.of(10n, { low: 25n, high: 40n });
    expect(position.judge(25n, { low: 25n, high: 40n })).toEqual({ kind: 'missing', records: 15n });
  });

  it('takes offsets that go back as a log that begins anew', () => {
    expect(PartitionPosition.of(10n, { low: 0n, high: 40n }).judge(0n, { low: 0n, high: 3n })).toEqual({
      kind: 'restarted',
    });
  });

  it('takes a jump inside the log as a gap that holds no records', () => {
    expect(PartitionPosition.of(10n, { low: 0n, high: 40n }).judge(12n, { low: 0n, high: 40n })).toEqual({
      kind: 'gap',
    });
  });
});
