import type { Metrics } from '../../telemetry/index.js';
import type { RefusalKind } from '../refusal.js';

/** What may become of a request: each is a series from the beginning on. */
const OUTCOMES: readonly ('detected' | RefusalKind)[] = [
  ...(['detected', 'invalid', 'unauthorized', 'forbidden', 'not_found', 'too_large', 'unsupported'] as const),
  ...(['hopeless', 'dead', 'busy', 'stopped', 'no_detector', 'late', 'unavailable', 'storage'] as const),
  ...(['incomplete', 'failed'] as const),
];

export interface DetectMetrics {
  answered: (outcome: 'detected' | RefusalKind, seconds: number) => void;
  inFlight: (requests: number) => void;
}

export function detectMetrics(metrics: Metrics): DetectMetrics {
  const requests = metrics.counter('penstock_detect_api_requests_total', 'Requests of POST /v1/detect by outcome.', [
    'outcome',
  ]);
  for (const outcome of OUTCOMES) requests.inc({ outcome }, 0);
  const took = metrics.histogram(
    'penstock_detect_api_seconds',
    'From the beginning of a request to its boxes.',
    [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60],
  );
  const inFlight = metrics.gauge('penstock_detect_api_in_flight', 'Requests of POST /v1/detect that are worked on.');
  return {
    answered: (outcome, seconds) => {
      requests.inc({ outcome });
      if (outcome === 'detected') took.observe(seconds);
    },
    inFlight: (count) => inFlight.set(count),
  };
}
