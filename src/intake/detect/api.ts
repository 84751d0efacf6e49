import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config/index.js';
import type { Routing } from '../../routing/index.js';
import { createObjectInspector, createObjectWriter } from '../../storage/index.js';
import type { Logger, Metrics } from '../../telemetry/index.js';
import { drain } from '../drain.js';
import { createKeyCheck } from '../keys.js';
import { ImageDetector } from './detect.js';
import { detectMetrics } from './metrics.js';
import { detectRoutes } from './routes.js';
import { connectDetection, type Detection } from './temporal.js';

export interface DetectApiOptions {
  config: Config;
  log: Logger;
  metrics: Metrics;
  /** Not yet listening; the route is added here. */
  http: FastifyInstance;
  /** Not owned: closed by others. */
  routing: Routing;
}

export interface DetectApi {
  /** Answers what it can within five seconds, then ends the rest with 503. */
  stop: () => Promise<void>;
}

/** Wires the API together on a server that does not listen yet. */
export function createDetectApi(
  { config, log, metrics, http, routing }: DetectApiOptions,
  detection: Detection = connectDetection(log),
): DetectApi {
  const address = { endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT };
  const inspector = createObjectInspector(address);
  const writer = createObjectWriter(address);
  const open = new Set<AbortController>();
  let stopping = false;
  http.register((scope, _options, done) => {
    detectRoutes({
      ...{ config, log, open },
      metrics: detectMetrics(metrics),
      detector: new ImageDetector({ config, routing, inspector, writer, detection }),
      checkKey: createKeyCheck(config.PENSTOCK_API_KEYS, 'detect'),
      isStopping: () => stopping,
    })(scope);
    done();
  });
  return {
    stop: async () => {
      stopping = true;
      await drain(open);
      await detection.close();
    },
  };
}
