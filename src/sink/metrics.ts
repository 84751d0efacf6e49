import { DEAD_LETTER_REASONS } from '../domain/index.js';
import { DELAYS, type Metrics } from '../telemetry/index.js';

/** Metrics of a sink. */
export function sinkMetrics(metrics: Metrics) {
  return {
    rows: metrics.counter('penstock_sink_rows_total', 'Rows stored', ['table']),
    errors: metrics.counter(
      'penstock_sink_insert_errors_total',
      'Inserts that failed: unavailable, refused (both are repeated), data (rows are isolated)',
      ['kind'],
    ),
    refused: metrics.counter(
      'penstock_sink_refused_total',
      'Records that can not be stored, by reason code',
      ['reason'],
      Object.keys(DEAD_LETTER_REASONS).map((reason) => ({ reason })),
    ),
    skipped: metrics.counter(
      'penstock_sink_skipped_events_total',
      'Events without a row in uploads, by reason code: their dispatcher, or the result of their image, has the dead letter',
      ['reason'],
    ),
    blockRows: metrics.histogram(
      'penstock_sink_block_rows',
      'Rows of an insert',
      [1, 10, 100, 1e3, 1e4, 1e5],
      ['table'],
    ),
    delay: metrics.histogram(
      'penstock_sink_delay_seconds',
      'How long the oldest record of an insert has been in Kafka when its row is stored',
      DELAYS,
      ['table'],
    ),
    insertSeconds: metrics.histogram(
      'penstock_sink_insert_seconds',
      'Duration of an insert',
      [0.01, 0.05, 0.2, 1, 5, 30],
      ['table'],
    ),
  };
}

export type SinkMetrics = ReturnType<typeof sinkMetrics>;
