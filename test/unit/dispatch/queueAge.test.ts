import { describe, expect, it } from 'vitest';
import { QueueAge } from '../../../src/dispatch/queueAge.js';
import type { StreamRecord } from '../../../src/stream/index.js';

const NOW = Date.UTC(2026, 2, 29, 12);

function record(offset: bigint, uploadedAtMs: number, receivedAtMs = uploadedAtMs): StreamRecord {
  const event = {
    ...{
      v: 1,
      id: `event-0000${offset}`,
      bucket: 'uploads',
      object: `${offset}.jpg`,
      generation: '1',
      model: 'shapes',
    },
    ...{ uploadedAtMs, receivedAtMs, contentType: 'image/jpeg', sizeBytes: 1 },
  };
  return { offset, key: null, value: Buffer.from(JSON.stringify(event)), timestampMs: NOW };
}

const slice = (partition: number, ages: readonly number[], more = 0) => ({
  partition,
  records: ages.map((seconds, index) => record(BigInt(index), NOW - seconds * 1000)),
  highWatermark: BigInt(ages.length + more),
});

describe('the age of a queue', () => {
  it('is that of the oldest image that waits in any partition, and 0 when none does', () => {
    const age = new QueueAge();
    expect(age.seconds(NOW)).toBe(0);
    age.note(slice(0, [50, 40, 30]), { consumed: 1 });
    age.note(slice(1, [90]), { consumed: 0 });
    expect(age.seconds(NOW)).toBe(90);
    age.note(slice(1, [90]), { consumed: 1 });
    expect(age.seconds(NOW)).toBe(40);
    age.note(slice(0, [40, 30]), { consumed: 2 });
    expect(age.seconds(NOW)).toBe(0);
  });

  it('is about that of the last that was started while more stands behind it', () => {
    const age = new QueueAge();
    age.note(slice(0, [50, 40], 1000), { consumed: 2 });
    expect(age.seconds(NOW)).toBe(40);
    expect(age.seconds(NOW + 5_000)).toBe(45);
  });

  it('forgets partitions that are assigned to another, and takes no time from the future', () => {
    const age = new QueueAge();
    age.note(slice(0, [50]), { consumed: 0 });
    age.clear();
    expect(age.seconds(NOW)).toBe(0);
    age.note(slice(0, [-60]), { consumed: 0 });
    expect(age.seconds(NOW)).toBe(0);
  });

  it('of what a backfill sends counts from when it was received', () => {
    const age = new QueueAge();
    const records = [record(0n, NOW - 365 * 86_400_000, NOW - 20_000)];
    age.note({ partition: 0, records, highWatermark: 1n }, { consumed: 0 });
    expect(age.seconds(NOW)).toBe(20);
  });

  it('of a record that is no event counts from when it was written', () => {
    const age = new QueueAge();
    const garbage = { offset: 0n, key: null, value: Buffer.from('no event'), timestampMs: NOW - 7_000 };
    age.note({ partition: 0, records: [garbage], highWatermark: 1n }, { consumed: 0 });
    expect(age.seconds(NOW)).toBe(7);
  });
});
