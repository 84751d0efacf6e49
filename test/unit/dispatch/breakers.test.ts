import { afterEach, describe, expect, it } from 'vitest';
import { Breakers } from '../../../src/dispatch/breakers.js';
import { dispatchMetrics } from '../../../src/dispatch/metrics.js';
import type { BreakerState } from '../../../src/domain/index.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

const SOURCE = { bucket: 'locked', model: 'shapes' };
const OPEN: BreakerState = {
  open: [{ ...SOURCE, reason: 'FORBIDDEN', detail: '403', failing: 20, of: 20, openedAtMs: 0, probes: 0 }],
};

let breakers: Breakers | undefined;
afterEach(() => breakers?.close());

describe('what a dispatcher knows of the breakers', () => {
  it('is nothing before the first answer, and the last one while nobody answers', async () => {
    let answer: () => Promise<BreakerState> = () => Promise.reject(new Error('away'));
    breakers = new Breakers({
      read: () => answer(),
      metrics: dispatchMetrics(createMetrics('test')),
      log: createLogger('test', 'silent'),
      pollMs: 3_600_000,
    });
    await breakers.refresh();
    expect([breakers.isKnown, breakers.find(SOURCE)]).toEqual([false, undefined]);
    answer = () => Promise.resolve(OPEN);
    await breakers.refresh();
    expect([breakers.isKnown, breakers.find(SOURCE)?.reason]).toEqual([true, 'FORBIDDEN']);
    answer = () => Promise.reject(new Error('away'));
    await breakers.refresh();
    expect([breakers.isKnown, breakers.find(SOURCE)?.reason]).toEqual([true, 'FORBIDDEN']);
  });
});
