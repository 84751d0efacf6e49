import { DELAYS, type Metrics } from '../telemetry/index.js';

/** Metrics of a detector beside those of its engine. */
export function detectorMetrics(metrics: Metrics) {
  const waits = metrics.histogram(
    'penstock_detector_wait_seconds',
    'From the upload of an image to its inference, waiting in Kafka included',
    DELAYS,
    ['queue'],
  );
  const [bulk, express] = [waits.labels({ queue: 'bulk' }), waits.labels({ queue: 'express' })];
  return {
    standby: metrics.gauge('penstock_detector_standby', '1 while the detector has no share of the cap'),
    slots: metrics.gauge('penstock_detector_slots', 'Batches that the detector may work on at once', ['queue']),
    waited: (isExpress: boolean, seconds: number) => (isExpress ? express : bulk).observe(Math.max(0, seconds)),
  };
}

export type DetectorMetrics = ReturnType<typeof detectorMetrics>;
