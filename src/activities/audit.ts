import { audit, createWay, MOST_BATCHES, PAGE_EVERY_MS, type AuditReport } from '../audit/index.js';
import type { Config } from '../config/index.js';
import type { AuditOutcome } from '../domain/index.js';
import type { Router } from '../routing/index.js';
import type { ObjectLister } from '../storage/index.js';
import type { Logger } from '../telemetry/index.js';
import type { OnTheWay, Warehouse } from '../warehouse/index.js';

export interface AuditDependencies {
  config: Config;
  log: Logger;
  warehouse: Warehouse;
  lister: ObjectLister;
  route: Router;
  /** The records of open batches, of at most so many. */
  openBatches: (most: number) => Promise<OnTheWay['batches']>;
}

/** Missing images that the outcome names. */
const MOST_NAMED = 20;
/** Missing images that are looked at twice. */
const MOST_LISTED = 1_000;
const DAY_MS = 86_400_000;

/** Makes the activity that audits the buckets of the configuration, and says in the log what is missing. */
export function createAudit({ config, log, openBatches, ...ports }: AuditDependencies) {
  return async (signal: AbortSignal): Promise<AuditOutcome> => {
    const nowMs = Date.now();
    // What is older than the tables keep is nowhere, and not lost.
    const lookedBackMs = Math.min(config.PENSTOCK_AUDIT_SINCE_MS, config.PENSTOCK_RETENTION_DAYS * DAY_MS);
    const way = createWay({ config, log, openBatches: () => openBatches(MOST_BATCHES), signal });
    const report = await audit({
      ...{ ...ports, ...way, config, signal },
      ...{ buckets: [...new Set(config.PENSTOCK_AUDIT_BUCKETS)], prefix: '' },
      ...{ fromMs: nowMs - lookedBackMs, toMs: nowMs - config.PENSTOCK_AUDIT_GRACE_MS },
      ...{ mostListed: MOST_LISTED, mostObjects: config.PENSTOCK_AUDIT_MAX_OBJECTS },
      ...{ pageEveryMs: PAGE_EVERY_MS, now: Date.now },
    });
    const outcome = outcomeOf(report);
    const { missing, buckets, listed, sinkBehind } = outcome;
    const problems = buckets.filter(({ problem }) => problem !== null);
    if (missing > 0) log.error({ missing, listed, sinkBehind }, 'images are missing');
    if (problems.length > 0) log.error({ problems }, 'buckets could not be audited whole');
    log.info({ missing, buckets: buckets.length }, 'audited');
    return outcome;
  };
}

function outcomeOf({ checkedAt, from, to, missing, buckets, listed, sinkBehind }: AuditReport): AuditOutcome {
  return {
    ...{ checkedAt, from, to, missing, sinkBehind },
    buckets: buckets.map(({ bucket, notReceived, notStored, problem }) => {
      return { bucket, notReceived, notStored, problem: problem === null ? null : problem.slice(0, 300) };
    }),
    listed: listed
      .slice(0, MOST_NAMED)
      .map(({ bucket, object, generation }) => `gs://${bucket}/${object}#${generation}`),
  };
}
