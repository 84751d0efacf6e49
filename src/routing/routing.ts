import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Router, Routing } from './types.js';

/** Key of the object's custom metadata that names a lane. */
const LANE_METADATA = 'penstock-lane';

type Defaults = Pick<Config, 'PENSTOCK_LANES' | 'PENSTOCK_DEFAULT_LANE' | 'PENSTOCK_DEFAULT_MODEL'>;

/** The routes of the configuration. Throws ConfigError where they can't be used. */
export function openRouting(config: Defaults, log: Logger): Promise<Routing> {
  log.debug({ model: config.PENSTOCK_DEFAULT_MODEL, lane: config.PENSTOCK_DEFAULT_LANE }, 'no routes but the default');
  return Promise.resolve({
    route: byDefault(config),
    models: () => [config.PENSTOCK_DEFAULT_MODEL],
    pins: () => new Map(),
    close: () => undefined,
  });
}

/** The configured defaults; the object's own metadata may pick another lane that is configured. */
function byDefault(config: Defaults): Router {
  const lanes: ReadonlySet<string> = new Set(config.PENSTOCK_LANES);
  return ({ metadata }) => {
    const wanted = metadata[LANE_METADATA];
    const lane = typeof wanted === 'string' && lanes.has(wanted) ? wanted : config.PENSTOCK_DEFAULT_LANE;
    return { lane, model: config.PENSTOCK_DEFAULT_MODEL };
  };
}
