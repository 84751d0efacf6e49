import type { Metrics } from '../telemetry/index.js';

/** Counters of all consumers of a role: one set for each registry. */
export function streamMetrics(metrics: Metrics): StreamMetrics {
  const known = all.get(metrics);
  if (known !== undefined) return known;
  const made = newStreamMetrics(metrics);
  all.set(metrics, made);
  return made;
}

export type StreamMetrics = ReturnType<typeof newStreamMetrics>;

const all = new WeakMap<Metrics, StreamMetrics>();

const newStreamMetrics = (metrics: Metrics) => ({
  missing: metrics.counter('penstock_stream_missing_records_total', 'Records that were deleted before they were read', [
    'topic',
  ]),
  lag: metrics.gauge(
    'penstock_stream_lag_records',
    'Records of a partition that its consumer group has not finished; told by the member that reads it',
    ['group', 'topic', 'partition'],
  ),
  wrongRetention: metrics.counter(
    'penstock_stream_wrong_retention_total',
    'Times that a topic was found with a setting by which the broker deletes what nobody has read',
    ['topic'],
  ),
});
