import { isLoopback } from '../../service/index.js';
import type { DatasetsApi, DatasetsApiOptions } from './api.js';

export type { DatasetsApi };

/**
 * Serves the API of datasets: their runs, started and told of. Without keys only programs of this machine may ask, so beyond
 * loopback it is not there.
 */
export async function serveDatasetsApi(options: DatasetsApiOptions): Promise<DatasetsApi> {
  const { config, log } = options;
  if (config.PENSTOCK_API_KEYS.length === 0 && !isLoopback(config.PENSTOCK_HTTP_HOST)) {
    log.info({ host: config.PENSTOCK_HTTP_HOST }, 'no API of datasets: PENSTOCK_API_KEYS has no key');
    return { stop: () => Promise.resolve() };
  }
  // Loaded here, because Temporal's client takes memory that an intake of events alone does not need.
  const { createDatasetsApi } = await import('./api.js');
  return createDatasetsApi(options);
}
