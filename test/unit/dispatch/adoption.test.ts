import { describe, expect, it } from 'vitest';
import { Adoption } from '../../../src/dispatch/adoption.js';
import { Window } from '../../../src/dispatch/window.js';
import { createLogger } from '../../../src/telemetry/index.js';

const TOPIC = 'penstock.image-events.bulk';

function setUp(list: () => Promise<string[]>) {
  const window = new Window(1);
  let told = 0;
  const adoption = new Adoption({
    ...{ topic: TOPIC, list, window, log: createLogger('test', 'silent') },
    follow: () => new Promise(() => undefined),
    onBegin: () => undefined,
    onAdopted: () => (told += 1),
  });
  return { window, adoption, told: () => told };
}

describe('the open batches of partitions that come', () => {
  it('count before the first start, those of these partitions alone and each once, and fill the window', async () => {
    const { window, adoption, told } = setUp(() =>
      Promise.resolve([1, 1, 11, 2].map((partition, index) => `detect/${TOPIC}/${partition}/${index}-x`)),
    );
    adoption.begin([1, 3], new AbortController().signal);
    await adoption.pending(3);
    expect([window.open, window.isFull, adoption.pending(1), told()]).toEqual([2, true, undefined, 1]);
    adoption.begin([1, 2], new AbortController().signal);
    await adoption.pending(1);
    expect(window.open).toBe(3);
  });

  it('are waited for while they can not be listed, until the partitions are lost', async () => {
    let fails = 1;
    const { window, adoption } = setUp(() =>
      fails-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve([`detect/${TOPIC}/1/0-x`]),
    );
    adoption.begin([1], new AbortController().signal);
    await adoption.pending(1);
    expect([fails, window.open]).toEqual([-1, 1]);

    const lost = new AbortController();
    const away = setUp(() => Promise.reject(new Error('away')));
    away.adoption.begin([1], lost.signal);
    const waits = away.adoption.pending(1);
    lost.abort();
    await waits;
    expect([away.window.open, away.adoption.pending(1)]).toEqual([0, undefined]);
  });
});
