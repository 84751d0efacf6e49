import type { CapacityState } from '../../domain/index.js';
import { Refusal } from '../refusal.js';

/** What a forecast of the wait is made of. */
export interface WaitFacts {
  model: string;
  /** Requests for this model that this process works on. */
  inFlight: number;
  /** Undefined where it is not known, or was known too long ago: then only what is in flight counts. */
  capacity: CapacityState | undefined;
  /** What an image usually takes once it is its turn, milliseconds. */
  usualMs: number;
  /** Until the sender waits no longer, milliseconds. */
  leftMs: number;
  nowMs: number;
}

/** Seconds after which to ask again while a person has paused detection. */
const PAUSED_S = 30;
const LONGEST_RETRY_S = 3_600;

/**
 * Milliseconds that an image waits for those ahead of it. Throws Refusal where that and what it takes itself would pass
 * its deadline, and where it would not be detected at all: paused, the budget of the day used up, or no detector.
 */
export function queueWaitMs({ model, inFlight, capacity, usualMs, leftMs, nowMs }: WaitFacts): number {
  const { rate, waiting } = capacity === undefined ? UNKNOWN : servingOf(capacity, model, nowMs);
  const waitMs = rate === null ? 0 : ((inFlight + waiting) / rate) * 1000;
  const overMs = waitMs + usualMs - leftMs;
  if (overMs <= 0) return waitMs;
  const about = `an image of ${model} takes about ${seconds(waitMs + usualMs)} now, ${seconds(leftMs)} are left`;
  throw new Refusal('busy', about, { retryAfterS: retryAfterS(overMs) });
}

const UNKNOWN = { rate: null, waiting: 0 };

/** Images a second that detectors of a model may infer together (null: no limit), and express images that wait there. */
function servingOf(capacity: CapacityState, model: string, nowMs: number): { rate: number | null; waiting: number } {
  const { paused, budget } = capacity;
  if (paused !== null)
    throw new Refusal('stopped', `paused by ${paused.who}: ${paused.why}`, { retryAfterS: PAUSED_S });
  if (budget.exhausted && !budget.expressBeyond)
    throw new Refusal('stopped', 'the budget of the day is used up', {
      retryAfterS: retryAfterS(budget.dayEndsAtMs - nowMs),
    });
  const holders = capacity.models.find((one) => one.model === model)?.holders ?? [];
  const serving = holders.filter(({ standby, rate }) => !standby && rate !== 0);
  if (serving.length === 0)
    throw new Refusal('no_detector', `no detector of ${model} has a lease`, { retryAfterS: PAUSED_S });
  const rates = serving.map(({ rate }) => rate ?? Infinity);
  const rate = rates.reduce((sum, one) => sum + one, 0);
  return {
    rate: rate === Infinity ? null : rate,
    waiting: holders.reduce((sum, one) => sum + one.waiting.express, 0),
  };
}

/** Whole seconds, at least 1 and at most an hour. */
function retryAfterS(ms: number): number {
  return Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(ms / 1000)));
}

function seconds(ms: number): string {
  return `${Math.max(0, ms / 1000).toFixed(1)} s`;
}
