import { describe, expect, it } from 'vitest';
import { listMetrics } from '../../../src/cli/metricsTable.js';

/** What a name may end with: its unit, or what it counts. */
const UNITS = [
  ...[
    '_total',
    '_seconds',
    '_bytes',
    '_ratio',
    '_images',
    '_images_per_second',
    '_events',
    '_rows',
    '_runs',
    '_records',
  ],
  ...['_batches', '_places', '_slots', '_detectors', '_parts', '_info', '_in_flight'],
];
/** Gauges that are 0 or 1, and amounts of money and plans, which have no unit. */
const WITHOUT_UNIT = [
  ...['penstock_routing_stale', 'penstock_breaker_open', 'penstock_dispatcher_stopped', 'penstock_detector_standby'],
  ...['penstock_capacity_paused', 'penstock_budget_exhausted', 'penstock_audit_bucket_unlisted'],
  ...['penstock_capacity_planned', 'penstock_budget_spent'],
];

describe('the metrics', () => {
  const metrics = listMetrics();

  it.each(metrics)('$name is named as Prometheus wants it and says what it is', ({ name, type, help, labels }) => {
    expect(name).toMatch(/^penstock_[a-z][a-z0-9_]*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (!WITHOUT_UNIT.includes(name)) expect(UNITS.some((unit) => name.endsWith(unit))).toBe(true);
    expect(help.length).toBeGreaterThan(10);
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    // A label of these would have a value for each image, batch or sender.
    for (const label of ['object', 'image', 'batch', 'id', 'sender', 'path']) expect(labels).not.toContain(label);
  });

  it('have one definition each', () => {
    const names = metrics.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
