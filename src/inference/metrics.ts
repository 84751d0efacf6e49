import type { Metrics } from '../telemetry/index.js';
import type { Pacer } from './pacer.js';
import type { ImageOutcome } from './protocol.js';

const OUTCOMES: readonly ImageOutcome['kind'][] = ['detected', 'retry', 'dead'];

/** Metrics of an engine and of its pacer. */
export function engineMetrics(metrics: Metrics, pacer: Pacer) {
  metrics.observe(
    'penstock_detector_rate_images_per_second',
    'Rate that the pacer goes by; 0 without a lease, +Inf without a limit',
    () => pacer.rate,
  );
  metrics.observe('penstock_detector_granted_images', 'Images that the pacer has let run', () => pacer.granted);
  metrics.observe(
    'penstock_detector_starved_seconds',
    'How long prepared images have waited for the pacer without one being granted',
    () => pacer.starvedMs / 1000,
  );
  return {
    childDeaths: metrics.counter('penstock_detector_child_deaths_total', 'Child processes that ended by themselves'),
    images: metrics.counter(
      'penstock_detector_images_total',
      'Images by what became of them',
      ['outcome'],
      OUTCOMES.map((outcome) => ({ outcome })),
    ),
    runImages: metrics.histogram(
      'penstock_detector_run_images',
      'Images in one model run',
      [1, 2, 4, 8, 16, 32, 64, 128, 256],
    ),
    runPlaces: metrics.counter(
      'penstock_detector_run_places_total',
      'Images that the model runs could have held; run_images_sum divided by it is how full they were',
    ),
    modelBusy: metrics.counter('penstock_detector_model_seconds_total', 'Seconds that the model was at work'),
  };
}

export type EngineMetrics = ReturnType<typeof engineMetrics>;
