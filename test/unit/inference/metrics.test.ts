import { expect, test } from 'vitest';
import { engineMetrics } from '../../../src/inference/metrics.js';
import { Pacer } from '../../../src/inference/pacer.js';
import { createMetrics } from '../../../src/telemetry/index.js';

test('images of every outcome are counted from 0, so that the first of each is seen as an increase', async () => {
  const metrics = createMetrics('detector');
  const pacer = new Pacer();
  engineMetrics(metrics, pacer);
  const text = await metrics.text();
  for (const outcome of ['detected', 'retry', 'dead'])
    expect(text).toContain(`penstock_detector_images_total{outcome="${outcome}",role="detector"} 0`);
  pacer.close();
});
