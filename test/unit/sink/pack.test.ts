import { describe, expect, test } from 'vitest';
import { packRecords } from '../../../src/sink/pack.js';
import { sourceOf } from '../../../src/sink/rows.js';
import { IMAGE_RESULTS } from '../../../src/warehouse/index.js';
import { sliceOf } from './results.js';

describe('a pack of records', () => {
  test('holds each behind its length, and gives back each as it was', () => {
    const values = ['', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(8_192), '{"v":1}'];
    const slice = sliceOf(values, { partition: 3 });
    const records = slice.records.map((record, index) => ({
      ...record,
      // Offsets have gaps where transactions end.
      offset: 9_007_199_254_740_993n + 7n * BigInt(index),
      key: index % 2 === 0 ? `uploads/${index}` : null,
      ...(index === 3 ? { headers: { traceparent: '00-1' } } : {}),
    }));
    const pack = packRecords(slice, records, IMAGE_RESULTS);
    expect(pack.count).toBe(values.length);
    expect(pack.data.length).toBe(1 + 128 + (2 + 128) + (3 + 16_384) + 8);
    expect(pack.data.subarray(129, 131)).toEqual(Buffer.from([0x80, 0x01]));
    expect(pack.sources()).toEqual(records.map((record) => sourceOf(slice, record)));
  });
});
