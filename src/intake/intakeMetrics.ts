import { DELAYS, type Metrics } from '../telemetry/index.js';

/** Why an event is not taken now; the sender is told 503 and sends again. */
export type Unavailable = 'broker' | 'timeout' | 'buffer' | 'disk' | 'stopping' | 'keys';

/** What became of an event, or of a request that never became one. */
export type IntakeOutcome =
  | 'accepted'
  | 'ignored_type'
  | 'ignored_not_image'
  | 'bucket_not_allowed'
  | 'unrouted'
  | 'lane_none'
  | 'refused'
  | 'dead_letter'
  | 'out_of_retention'
  | 'unauthorized'
  | 'forbidden'
  | 'too_large'
  | `unavailable_${Unavailable}`;

const OUTCOMES: readonly IntakeOutcome[] = [
  'accepted',
  'ignored_type',
  'ignored_not_image',
  'bucket_not_allowed',
  'unrouted',
  'lane_none',
  'refused',
  'dead_letter',
  'out_of_retention',
  'unauthorized',
  'forbidden',
  'too_large',
  'unavailable_broker',
  'unavailable_timeout',
  'unavailable_buffer',
  'unavailable_disk',
  'unavailable_stopping',
  'unavailable_keys',
];

export interface IntakeMetrics {
  count: (outcome: IntakeOutcome, events?: number) => void;
  produced: (result: 'acknowledged' | 'failed', seconds: number, events: number) => void;
  /** From the upload of an image to the acknowledgement of its event; seconds. */
  delayed: (seconds: number) => void;
  buffered: (events: number) => void;
  diskUsed: (share: number) => void;
}

export function intakeMetrics(metrics: Metrics): IntakeMetrics {
  const events = metrics.counter('penstock_intake_events_total', 'Events by what became of them.', ['outcome']);
  // A series that exists from the start lets rate() see its first increase.
  for (const outcome of OUTCOMES) events.inc({ outcome }, 0);
  const seconds = metrics.histogram(
    'penstock_intake_produce_seconds',
    "From handing a batch to the producer to the broker's answer.",
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ['result'],
  );
  const sizes = metrics.histogram(
    'penstock_intake_batch_events',
    'Events in one produce request.',
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  );
  const delay = metrics.histogram(
    'penstock_intake_delay_seconds',
    'From the upload of an image to the acknowledgement of its event.',
    DELAYS,
  );
  const buffered = metrics.gauge('penstock_intake_buffered_events', "Events that wait for the broker's answer.");
  const disk = metrics.gauge('penstock_intake_disk_used_ratio', "Share of the broker's disk in use, 0 to 1.");
  return {
    count: (outcome, count = 1) => events.inc({ outcome }, count),
    produced: (result, took, count) => {
      seconds.observe({ result }, took);
      sizes.observe(count);
    },
    delayed: (seconds) => delay.observe(Math.max(0, seconds)),
    buffered: (count) => buffered.set(count),
    diskUsed: (share) => disk.set(share),
  };
}
