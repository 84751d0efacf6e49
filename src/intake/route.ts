import type { Config } from '../config/index.js';
import type { FinalizedObject } from './reading.js';

/** Where an image goes: the lane (a topic of its own) and the name of the model that detects it. */
export interface Route {
  lane: string;
  model: string;
}

export type Router = (event: FinalizedObject) => Route;

/** Key of the object's custom metadata that names a lane. */
const LANE_METADATA = 'penstock-lane';

/** The configured defaults; the object's own metadata may pick another lane that is configured. */
export function createRouter(
  config: Pick<Config, 'PENSTOCK_LANES' | 'PENSTOCK_DEFAULT_LANE' | 'PENSTOCK_DEFAULT_MODEL'>,
): Router {
  const lanes: ReadonlySet<string> = new Set(config.PENSTOCK_LANES);
  return (event) => {
    const wanted = event.metadata[LANE_METADATA];
    const lane = typeof wanted === 'string' && lanes.has(wanted) ? wanted : config.PENSTOCK_DEFAULT_LANE;
    return { lane, model: config.PENSTOCK_DEFAULT_MODEL };
  };
}
