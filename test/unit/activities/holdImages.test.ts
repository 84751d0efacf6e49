import { describe, expect, it } from 'vitest';
import { holdImages } from '../../../src/activities/holdImages.js';
import { imageEventSchema, type HoldImagesInput, type OpenBreaker } from '../../../src/domain/index.js';

const INPUT: HoldImagesInput = {
  ...{ model: 'shapes', lane: 'express', workflowId: 'w', buckets: ['locked', 'open'] },
  images: [
    [1, 'a.jpg', '1', 10, 20],
    [0, 'b.jpg', '2', 11, 21, 99],
  ],
};
const LOCKED: OpenBreaker = {
  ...{ bucket: 'locked', model: 'shapes', reason: 'FORBIDDEN', detail: '403', failing: 20, of: 20 },
  ...{ openedAtMs: 0, probes: 0 },
};

async function heldBy(input: HoldImagesInput, open: OpenBreaker[]) {
  const sent: { topic: string; key: string | undefined; event: unknown }[] = [];
  const send = (topic: string, records: readonly { key?: string; value: string }[]): Promise<void> => {
    for (const { key, value } of records) sent.push({ topic, key, event: imageEventSchema.parse(JSON.parse(value)) });
    return Promise.resolve();
  };
  const indexes = await holdImages({ producer: { send }, breakers: () => Promise.resolve({ open }) }, input);
  return { indexes, sent };
}

describe('holding images', () => {
  it('puts back those whose breaker is open, as they were, and the same when it is done again', async () => {
    const { indexes, sent } = await heldBy(INPUT, [LOCKED]);
    expect(indexes).toEqual([1]);
    expect(sent).toMatchObject([
      {
        ...{ topic: 'penstock.image-events.held', key: 'locked/shapes' },
        event: {
          ...{ bucket: 'locked', object: 'b.jpg', generation: '2', uploadedAtMs: 11, receivedAtMs: 21 },
          ...{ deadlineMs: 99, model: 'shapes', lane: 'express' },
        },
      },
    ]);
    expect(await heldBy(INPUT, [LOCKED])).toEqual({ indexes, sent });
  });

  it('puts all of a probe back, whatever was closed meanwhile', async () => {
    expect((await heldBy({ ...INPUT, always: true }, [])).indexes).toEqual([0, 1]);
    expect((await heldBy(INPUT, [])).indexes).toEqual([]);
  });
});
