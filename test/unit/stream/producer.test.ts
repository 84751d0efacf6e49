import { describe, expect, it } from 'vitest';
import { cut } from '../../../src/stream/producer.js';

describe('a send', () => {
  it('is cut into requests that a broker takes, in order and without loss', () => {
    const records = Array.from({ length: 1_000 }, (_, index) => ({ key: String(index), value: 'x'.repeat(5_000) }));
    const parts = cut(records);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.length * 5_100).toBeLessThan(1_048_576);
    expect(parts.flat()).toEqual(records);
  });

  it('lets a record that is larger alone go alone', () => {
    const large = { value: 'x'.repeat(1_000_000) };
    expect(cut([{ value: 'a' }, large, { value: 'b' }])).toEqual([[{ value: 'a' }], [large], [{ value: 'b' }]]);
  });
});
