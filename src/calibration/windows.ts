import { percentile } from '../telemetry/index.js';
import type { Rate } from './capacityFile.js';

/** How far the last two windows may be from the two before: a share. */
const STABLE_WITHIN = 0.05;
/** Windows on each side that are held against each other. */
const PAIR = 2;

/**
 * True once the mean of the last two windows is within 5 % of that of the two before. Two at a time, because model runs
 * that take part of a window long make neighbours differ by turns.
 */
export function isStable(rates: readonly number[]): boolean {
  if (rates.length < 2 * PAIR) return false;
  const before = mean(rates.slice(-2 * PAIR, -PAIR));
  const last = mean(rates.slice(-PAIR));
  return before > 0 && Math.abs(last - before) <= STABLE_WITHIN * before;
}

/** The median of the windows and their 10th and 90th percentile; 0 for none. */
export function rateOf(rates: readonly number[]): Rate {
  return {
    median: rounded(percentile(rates, 0.5)),
    p10: rounded(percentile(rates, 0.1)),
    p90: rounded(percentile(rates, 0.9)),
  };
}

/** 50th and 95th percentile of milliseconds; 0 for none. */
export function latencyOf(milliseconds: readonly number[]): { p50: number; p95: number } {
  return { p50: rounded(percentile(milliseconds, 0.5)), p95: rounded(percentile(milliseconds, 0.95)) };
}

/** To the hundredth: more digits would say more than was measured. */
export function rounded(value = 0): number {
  return Math.round(value * 100) / 100;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
