import { Context } from '@temporalio/activity';
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
      const { hours } = await whileBeating(() => (verify ? verifyRollups(warehouse) : rollUp(warehouse)));
      return { hours };
    },
    deleteConsumedRecords: () => whileBeating(() => deleteConsumedRecords(config, log)),
  };
}

const BEAT_EVERY_MS = 2_000;

/** Says every two seconds that the work goes on, so that a worker that was killed is soon replaced. */
async function whileBeating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), BEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
