import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/telemetry/index.js';

describe('metrics of another source', () => {
  it('are told behind our own, and left out while they can not be had', async () => {
    const metrics = createMetrics('test');
    metrics.gauge('penstock_test_images', 'Images of a test').set(3);
    let isAway = false;
    metrics.include(() => (isAway ? Promise.reject(new Error('away')) : Promise.resolve('other_total 5\n')));
    const text = await metrics.text();
    expect(text).toContain('penstock_test_images{role="test"} 3');
    expect(text).toMatch(/\nother_total 5\n$/);
    isAway = true;
    expect(await metrics.text()).not.toContain('other_total');
  });

  it('with labels show what there is when somebody looks, and nothing that is gone', async () => {
    const metrics = createMetrics('test');
    let lanes = ['bulk', 'express'];
    metrics.observeEach('penstock_test_seconds', 'Seconds of a test', ['lane'], () =>
      lanes.map((lane, value) => ({ labels: { lane }, value })),
    );
    expect(await metrics.text()).toContain('penstock_test_seconds{lane="express",role="test"} 1');
    lanes = ['bulk'];
    const text = await metrics.text();
    expect(text).toContain('penstock_test_seconds{lane="bulk",role="test"} 0');
    expect(text).not.toContain('express');
  });
});
