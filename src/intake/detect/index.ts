import { isLoopback } from '../../service/index.js';
import type { DetectApi, DetectApiOptions } from './api.js';

export type { DetectApi };

/**
 * Serves `POST /v1/detect`: boxes of one image while its sender waits. Without keys only programs of this machine may
 * ask, so beyond loopback it is not there.
 */
export async function serveDetectApi(options: DetectApiOptions): Promise<DetectApi> {
  const { config, log } = options;
  if (config.PENSTOCK_API_KEYS.length === 0 && !isLoopback(config.PENSTOCK_HTTP_HOST)) {
    log.info({ host: config.PENSTOCK_HTTP_HOST }, 'no POST /v1/detect: PENSTOCK_API_KEYS has no key');
    return { stop: () => Promise.resolve() };
  }
  // Loaded here, because Temporal's client takes memory that an intake of events alone does not need.
  const { createDetectApi } = await import('./api.js');
  return createDetectApi(options);
}
