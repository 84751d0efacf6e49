import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { ShareHolder, watchRevision, type Paced, type Standing } from '../capacity/index.js';
import { askShare, connectTemporal, readCapacity } from '../client/index.js';
import { retryForever, type RoleContext } from '../service/index.js';
import type { DetectorMetrics } from './detectorMetrics.js';

export interface HeldShare {
  /** Renews as soon as it may. */
  renew: () => void;
  /** Gives the share back and closes its connection. */
  leave: () => Promise<void>;
}

/** Why a detector is not ready until the workflow `capacity` has answered it. */
const WAITS = 'asks for a share of the cap';

/** Holds the share of this detector; `onStanding` says whether it may poll. Resolves once it asks; answers come later. */
export async function holdShare(
  context: RoleContext,
  share: { model: string; most: number | null; slots: number; pacer: Paced; observed: DetectorMetrics },
  onStanding: (standing: Standing) => void,
): Promise<HeldShare> {
  const { config, log, stopping, waits } = context;
  const { client, connection } = await retryForever(connectTemporal, {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  const holder = new ShareHolder({
    ...share,
    holder: `detector/${hostname()}/${randomUUID().slice(0, 8)}`,
    ask: (request) => askShare(client, request, Math.min(10_000, config.PENSTOCK_LEASE_MS)),
    onStanding: (standing) => {
      share.observed.standby.set(standing.kind === 'standby' ? 1 : 0);
      say(standing);
      onStanding(standing);
    },
    log,
  });
  const say = (standing: Standing): void => {
    if (standing.kind === 'serves') {
      waits.delete('capacity');
      if (standing.isExhausted) log.warn('the budget of the day is used up; images wait');
      else log.info({ rate: rateText(share.pacer.rate) }, 'serves');
      return;
    }
    // One that was told to stand by is as it should be; one that nobody answers is not.
    if (standing.reason === 'planned') waits.delete('capacity');
    else waits.set('capacity', standing.reason === 'unanswered' ? standing.why : WAITS);
    log[standing.reason === 'unanswered' ? 'error' : 'info']({ why: standing.why }, 'standby');
  };
  holder.start();
  const unwatch = watchRevision(
    async () => (await readCapacity(client)).revision,
    (revision) => {
      if (revision !== holder.revision) holder.renew();
    },
  );
  return {
    renew: () => holder.renew(),
    leave: async () => {
      unwatch();
      await holder.leave();
      await connection.close();
    },
  };
}

function rateText(rate: number): string {
  return rate === Infinity ? 'no limit' : `${rate.toFixed(2)} images/s`;
}
