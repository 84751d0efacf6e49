import { IMAGE_REASONS, type ImageReason } from '../domain/index.js';
import { DELAYS, type Metrics } from '../telemetry/index.js';

/** Metrics of a detector beside those of its engine. */
export function detectorMetrics(metrics: Metrics) {
  const waits = metrics.histogram(
    'penstock_detector_wait_seconds',
    'To the inference of an image from its upload, or from the receipt of its event where that is later',
    DELAYS,
    ['queue'],
  );
  const dead = metrics.counter(
    'penstock_detector_dead_images_total',
    'Images declared dead, by reason code',
    ['reason'],
    Object.keys(IMAGE_REASONS).map((reason) => ({ reason })),
  );
  const [bulk, express] = [waits.labels({ queue: 'bulk' }), waits.labels({ queue: 'express' })];
  return {
    standby: metrics.gauge('penstock_detector_standby', '1 while the detector has no share of the cap'),
    slots: metrics.gauge('penstock_detector_slots', 'Batches that the detector may work on at once', ['queue']),
    limit: metrics.gauge(
      'penstock_detector_limit_images_per_second',
      'Most that this detector may infer, as measured times the headroom, or as configured; no value without a limit',
      ['model'],
    ),
    died: (reason: ImageReason) => dead.inc({ reason }),
    waited: (isExpress: boolean, seconds: number) => (isExpress ? express : bulk).observe(Math.max(0, seconds)),
  };
}

export type DetectorMetrics = ReturnType<typeof detectorMetrics>;
