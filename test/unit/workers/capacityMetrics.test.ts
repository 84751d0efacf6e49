import { expect, test, vi } from 'vitest';
import { CapacityBoard } from '../../../src/workflows/capacity/board.js';
import { newCapacity } from '../../../src/workflows/capacity/snapshot.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';
import { capacityMetrics } from '../../../src/workers/capacityMetrics.js';

test('gauges show the capacity, and a pause is logged once, as its end is', async () => {
  const metrics = createMetrics('orchestrator');
  const log = createLogger('test', 'silent');
  const warn = vi.spyOn(log, 'warn');
  const board = new CapacityBoard(
    newCapacity({
      ...{ leaseMs: 30_000, model: 'shapes', cap: 50, planned: 2, window: null },
      lanes: [{ lane: 'bulk', weight: 1, express: false }],
      budget: {
        ...{ imagesPerDay: 0, moneyPerDay: null, pricePerDetectorHour: null },
        ...{ currency: 'EUR', timeZone: 'UTC', expressBeyond: false },
      },
    }),
  );
  const by = { who: 'ana', why: 'move' };
  const show = capacityMetrics(metrics, log);
  const NOTHING = /^penstock_(capacity|budget)_[a-z_]+(\{| \d)/m;
  expect(await metrics.registry.metrics()).not.toMatch(NOTHING);
  board.change({ change: { pause: true }, ...by }, String, 1_000);
  show(board.state(1_000));
  show(board.state(2_000));
  const text = await metrics.registry.metrics();
  for (const line of [
    'penstock_capacity_cap_images_per_second{model="shapes",role="orchestrator"} 50',
    'penstock_capacity_planned{model="shapes",role="orchestrator"} 2',
    'penstock_capacity_detectors{model="shapes",state="serving",role="orchestrator"} 0',
    'penstock_capacity_paused{role="orchestrator"} 1',
    'penstock_capacity_window_places{role="orchestrator"} 12',
    'penstock_budget_left_images{role="orchestrator"} 0',
    'penstock_budget_exhausted{role="orchestrator"} 1',
  ])
    expect(text).toContain(line);
  board.change({ change: { resume: true }, ...by }, String, 3_000);
  board.change({ change: { budget: { imagesPerDay: null } }, ...by }, String, 3_000);
  board.change({ change: { set: { model: 'shapes', cap: null } }, ...by }, String, 3_000);
  show(board.state(3_000));
  show(board.state(4_000));
  const after = await metrics.registry.metrics();
  expect(after).toContain('penstock_capacity_paused{role="orchestrator"} 0');
  expect(after).not.toMatch(/^penstock_(capacity_cap_images_per_second|budget_left_images)\{/m);
  show(undefined);
  expect(await metrics.registry.metrics()).not.toMatch(NOTHING);
  show(board.state(5_000));
  expect(await metrics.registry.metrics()).toContain('penstock_capacity_paused{role="orchestrator"} 0');
  expect(warn.mock.calls.map((call: unknown[]) => call.at(-1))).toEqual([
    'paused: nothing is started',
    'the budget of the day is used up',
    'resumed',
    'there is budget again',
  ]);
});
