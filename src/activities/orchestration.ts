import type { Config } from '../config/index.js';
import type { OrchestrationActivities } from '../domain/index.js';
import { deleteConsumedRecords } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import { rollUp, verifyRollups, type Warehouse } from '../warehouse/index.js';

/** Activities on the orchestration queue: light work that needs no GPU. */
export function createOrchestrationActivities(dependencies: {
  config: Config;
  log: Logger;
  warehouse: Warehouse;
}): OrchestrationActivities {
  const { config, log, warehouse } = dependencies;
  return {
    rollUp: async ({ verify }) => {
      const { hours } = await (verify ? verifyRollups(warehouse) : rollUp(warehouse));
      return { hours };
    },
    deleteConsumedRecords: () => deleteConsumedRecords(config, log),
  };
}
