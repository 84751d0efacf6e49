import { Context } from '@temporalio/activity';
import type { OrchestrationActivities } from '../domain/index.js';
import { deleteConsumedRecords } from '../stream/index.js';
import {
  CAPACITY_CHANGES,
  capacityChangeRow,
  rollUp,
  setModelPins,
  verifyRollups,
  type RollupProgress,
} from '../warehouse/index.js';
import { createAudit, type AuditDependencies } from './audit.js';
import { createBackfillPage, type BackfillDependencies } from './backfill.js';
import { holdImages } from './holdImages.js';
import { outcomesOf } from './outcomesOf.js';

/** What the activities need. */
export interface OrchestrationDependencies extends BackfillDependencies, AuditDependencies {
  /** Name of a model to the hash of its pinned version, as the routes are now. */
  pins: () => ReadonlyMap<string, string>;
  isExecutionOpen: OrchestrationActivities['isExecutionOpen'];
}

/** Activities on the orchestration queue: light work that needs no GPU. */
export function createOrchestrationActivities(dependencies: OrchestrationDependencies): OrchestrationActivities {
  const { config, log, warehouse, pins } = dependencies;
  const backfillPage = createBackfillPage(dependencies);
  const audit = createAudit(dependencies);
  return {
    holdImages: (input) => holdImages(dependencies, input),
    outcomesOf: (input) => outcomesOf(dependencies, input),
    rollUp: async ({ verify }) => {
      // Before the pass, which follows them: at most one interval after a change of the routes.
      for (const change of await setModelPins(warehouse, pins())) log.info(change, 'pin of a model changed');
      const { hours } = await whileBeating((context, onStep) => {
        const before = progressOf(context.info.heartbeatDetails);
        const options = {
          signal: context.cancellationSignal,
          onStep,
          ...(before ? { ...before, now: new Date(before.beganAt) } : {}),
        };
        return verify ? verifyRollups(warehouse, options) : rollUp(warehouse, options);
      });
      return { hours };
    },
    deleteConsumedRecords: () => whileBeating(() => deleteConsumedRecords(config, log)),
    audit: () => whileBeating(({ cancellationSignal }) => audit(cancellationSignal)),
    backfillPage: (input) => whileBeating(() => backfillPage(input)),
    recordCapacityChanges: (changes) =>
      warehouse.insert({ ...CAPACITY_CHANGES, rows: changes.map(capacityChangeRow), timeoutMs: RECORD_MS }),
    isExecutionOpen: (execution) => dependencies.isExecutionOpen(execution),
  };
}

const BEAT_EVERY_MS = 2_000;
/** Bound on the insert of changes, below that of their activity; milliseconds. */
const RECORD_MS = 20_000;

/**
 * Says every two seconds that the work goes on and how far it has come, so that a worker that was killed is soon replaced
 * and its work is not begun anew.
 */
async function whileBeating<T>(
  work: (context: Context, onStep: (progress: RollupProgress) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let progress = progressOf(context.info.heartbeatDetails);
  const beat = setInterval(() => context.heartbeat(progress), BEAT_EVERY_MS);
  try {
    return await work(context, (now) => (progress = now));
  } finally {
    clearInterval(beat);
  }
}

function progressOf(details: unknown): RollupProgress | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const { beganAt, doneThrough, pinnedAt = 0 } = details as Partial<RollupProgress>;
  return typeof beganAt === 'number' && typeof doneThrough === 'number'
    ? { beganAt, doneThrough, pinnedAt }
    : undefined;
}
