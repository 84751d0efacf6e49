import type { Metrics } from '../telemetry/index.js';

const RESULTS = ['taken', 'refused'] as const;

export interface RoutingMetrics {
  reloaded: (result: (typeof RESULTS)[number]) => void;
  /** The file can't be used, and routes that were read before are in force. */
  stale: (isStale: boolean) => void;
}

export function routingMetrics(metrics: Metrics | undefined): RoutingMetrics {
  if (!metrics) return { reloaded: () => undefined, stale: () => undefined };
  const reloads = metrics.counter('penstock_routing_reloads_total', 'Changes of the routing file by result.', [
    'result',
  ]);
  for (const result of RESULTS) reloads.inc({ result }, 0);
  const stale = metrics.gauge(
    'penstock_routing_stale',
    '1 while the routing file can not be used and older routes are in force.',
  );
  stale.set(0);
  return { reloaded: (result) => reloads.inc({ result }), stale: (isStale) => stale.set(isStale ? 1 : 0) };
}
