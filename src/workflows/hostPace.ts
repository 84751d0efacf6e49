import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { HOST_PACE, type PaceReply, type PaceRequest, type PaceState } from '../domain/datasets.js';

export const reserveUpdate = defineUpdate<PaceReply, [PaceRequest]>(HOST_PACE.reserve);

/** A rate that nobody has asked for in this time counts no more; a host that nobody asks for in it needs no pace. */
const FORGET_MS = 600_000;
const MOST_PLACES = 1_000;

/**
 * Spaces the requests to a host, whoever makes them: places are given one behind the other, at the least of the rates
 * that its datasets allow.
 */
export async function hostPace(state: PaceState = { nextAtMs: 0, rates: [] }): Promise<void> {
  let { nextAtMs } = state;
  const rates = new Map(state.rates);
  let asked = 0;
  setHandler(
    reserveUpdate,
    ({ perSecond, most }) => {
      asked += 1;
      const now = Date.now();
      rates.set(perSecond, now);
      for (const [rate, at] of rates) if (now - at > FORGET_MS) rates.delete(rate);
      const everyMs = 1_000 / Math.min(...rates.keys());
      const delaysMs = Array.from({ length: most }, () => {
        const at = Math.max(now, nextAtMs);
        nextAtMs = at + everyMs;
        return at - now;
      });
      return { delaysMs };
    },
    {
      validator: ({ perSecond, most }) => {
        if (!(perSecond > 0) || !(most >= 1 && most <= MOST_PLACES))
          throw new Error(`no places can be given for ${most} requests at ${perSecond} a second`);
      },
    },
  );
  for (let seen = -1; seen !== asked || !allHandlersFinished();) {
    seen = asked;
    await condition(() => workflowInfo().continueAsNewSuggested, FORGET_MS);
    if (!workflowInfo().continueAsNewSuggested) continue;
    await condition(allHandlersFinished);
    await continueAsNew<typeof hostPace>({ nextAtMs, rates: [...rates] });
  }
}
