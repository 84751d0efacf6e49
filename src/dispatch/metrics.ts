import type { Metrics } from '../telemetry/index.js';

/** Metrics of a dispatcher. */
export function dispatchMetrics(metrics: Metrics) {
  const ages = new Map<string, () => number>();
  metrics.observeEach(
    'penstock_dispatcher_queue_age_seconds',
    'Since when the oldest image waits to be started, from its upload, or its receipt where that is later; 0: none waits',
    ['lane'],
    () => [...ages].map(([lane, read]) => ({ labels: { lane }, value: read() })),
  );
  return {
    queueAge: (lane: string, read: () => number) => void ages.set(lane, read),
    records: metrics.counter('penstock_dispatcher_records_total', 'Records whose batch is durable', ['lane']),
    duplicates: metrics.counter(
      'penstock_dispatcher_duplicates_total',
      'Events dropped as duplicates inside their batch',
      ['lane'],
    ),
    invalid: metrics.counter('penstock_dispatcher_invalid_records_total', 'Records that are no image events', ['lane']),
    batches: metrics.counter('penstock_dispatcher_batches_total', 'Batches started, or found started', [
      'lane',
      'outcome',
    ]),
    images: metrics.histogram(
      'penstock_dispatcher_batch_images',
      'Images in a batch',
      [1, 4, 16, 64, 256, 1024],
      ['lane'],
    ),
    held: metrics.counter(
      'penstock_dispatcher_held_total',
      'Events that wait for the circuit breaker of their source',
      ['lane'],
    ),
    returned: metrics.counter('penstock_dispatcher_returned_total', 'Events that came back from being held', ['lane']),
    expired: metrics.counter('penstock_dispatcher_expired_total', 'Events whose deadline was past', ['lane']),
    breakers: metrics.gauge('penstock_breaker_open', 'Circuit breakers that are open (1), at most 100 of them', [
      'bucket',
      'model',
      'reason',
    ]),
    open: metrics.gauge('penstock_dispatcher_open_batches', 'Batches that are open in the window', ['lane']),
    places: metrics.gauge('penstock_dispatcher_places', 'Places in the window that are leased', ['lane']),
    stopped: metrics.gauge(
      'penstock_dispatcher_stopped',
      'No batch is started (1): paused, or the budget of the day is used up',
      ['lane'],
    ),
  };
}

export type DispatchMetrics = ReturnType<typeof dispatchMetrics>;
