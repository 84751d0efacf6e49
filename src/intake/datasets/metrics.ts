import type { Metrics } from '../../telemetry/index.js';
import type { RefusalKind } from '../refusal.js';

/** What may become of a request: each is a series from the beginning on. */
const OUTCOMES = [
  ...(['started', 'repeated', 'answered', 'invalid', 'unauthorized', 'forbidden', 'not_found'] as const),
  ...(['too_large', 'unsupported', 'reused', 'busy', 'unavailable', 'failed', 'gone'] as const),
];

export interface DatasetsApiMetrics {
  /** `repeated`: a run that was asked for before. `answered`: somebody was told something. `gone`: nobody is there. */
  counted: (outcome: 'started' | 'repeated' | 'answered' | 'gone' | RefusalKind) => void;
}

export function datasetsApiMetrics(metrics: Metrics): DatasetsApiMetrics {
  const requests = metrics.counter(
    'penstock_datasets_api_requests_total',
    'Requests of the API of datasets by outcome.',
    ['outcome'],
    OUTCOMES.map((outcome) => ({ outcome })),
  );
  return { counted: (outcome) => requests.inc({ outcome }) };
}
