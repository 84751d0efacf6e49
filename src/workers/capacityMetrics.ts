import type { Client } from '@temporalio/client';
import { readCapacity } from '../client/index.js';
import type { CapacityState } from '../domain/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { lookEvery } from './look.js';

const LOOK_EVERY_MS = 5_000;
/** Bound on the query; below the pause between two. */
const QUERY_MS = 4_000;
/** One that fails may be a moment's: only after so many in a row nothing is known. */
const MOST_FAILURES = 2;

/**
 * Shows the state of the capacity in metrics every 5 s, and logs what stops the fleet or lets it go on, once each. While
 * nobody answers the metrics have no value.
 */
export function watchCapacity(client: Client, metrics: Metrics, log: Logger): { stop: () => void } {
  const show = capacityMetrics(metrics, log);
  let failures = 0;
  return lookEvery(
    LOOK_EVERY_MS,
    async () => {
      show(await readCapacity(client, QUERY_MS));
      failures = 0;
    },
    (err) => {
      failures += 1;
      if (failures >= MOST_FAILURES) show(undefined);
      log.debug({ err }, 'capacity does not answer');
    },
  );
}

/** Gauges of the capacity; what has no limit, or is not known, has no value. */
export function capacityMetrics(metrics: Metrics, log: Logger): (state: CapacityState | undefined) => void {
  const gauge = <L extends string = never>(name: `penstock_${string}`, help: string, labels?: readonly L[]) =>
    metrics.gauge(name, help, labels);
  const cap = gauge('penstock_capacity_cap_images_per_second', 'Cap of a model', ['model']);
  const leased = gauge('penstock_capacity_leased_images_per_second', 'Sum of the shares of a model', ['model']);
  const detectors = gauge('penstock_capacity_detectors', 'Detectors with a lease', ['model', 'state']);
  const planned = gauge('penstock_capacity_planned', 'Detectors of a model that may serve at once', ['model']);
  const paused = gauge('penstock_capacity_paused', 'Nothing is started (1)');
  const places = gauge('penstock_capacity_window_places', 'Most open batches of the fleet');
  const used = gauge('penstock_budget_used_images', 'Images used in the day of the budget');
  const left = gauge('penstock_budget_left_images', 'Images that the ceiling of the day leaves');
  const spent = gauge('penstock_budget_spent', 'Money spent in the day of the budget');
  const exhausted = gauge('penstock_budget_exhausted', 'The budget of the day is used up (1)');
  let last: CapacityState | undefined;
  const clear = (): void => {
    for (const one of [cap, leased, detectors, planned]) one.reset();
    for (const one of [paused, places, used, left, spent, exhausted]) one.remove();
  };
  clear();
  return (state) => {
    // A model, or a ceiling, that is there no more leaves no value behind.
    clear();
    if (state === undefined) return;
    for (const of of state.models) {
      const { model } = of;
      if (of.cap !== null) cap.set({ model }, of.cap);
      if (of.leased !== null) leased.set({ model }, of.leased);
      if (of.planned !== null) planned.set({ model }, of.planned);
      const standby = of.holders.filter((one) => one.standby).length;
      detectors.set({ model, state: 'standby' }, standby);
      detectors.set({ model, state: 'serving' }, of.holders.length - standby);
    }
    paused.set(state.paused === null ? 0 : 1);
    places.set(state.window.places);
    used.set(state.budget.used);
    if (state.budget.left !== null) left.set(state.budget.left);
    if (state.budget.spent !== null) spent.set(state.budget.spent);
    exhausted.set(state.budget.exhausted ? 1 : 0);
    tell(log, last, state);
    last = state;
  };
}

function tell(log: Logger, last: CapacityState | undefined, { paused, budget }: CapacityState): void {
  if (paused !== null && paused.sinceMs !== last?.paused?.sinceMs) log.warn(paused, 'paused: nothing is started');
  if (paused === null && last?.paused) log.warn('resumed');
  const { day, used, exhausted } = budget;
  if (exhausted && !last?.budget.exhausted) log.warn({ day, used }, 'the budget of the day is used up');
  if (!exhausted && last?.budget.exhausted) log.warn({ day, used }, 'there is budget again');
}
