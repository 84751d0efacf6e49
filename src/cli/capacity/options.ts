import type { Budget, CapacityChange } from '../../domain/index.js';
import { UsageError } from '../verb.js';
import type { BudgetFlags } from './index.js';

/** Read the command line; throw UsageError for what is no number. What may be is said by the workflow. */
export function readSet(rate: string, model: string): CapacityChange {
  const cap = rate === 'default' ? 'default' : readNumber('set', rate);
  return { set: { model, cap } };
}

export function readPlan(detectors: string, model: string): CapacityChange {
  if (detectors === 'default') return { plan: { model, planned: 'default' } };
  return { plan: { model, planned: detectors === 'all' ? null : readNumber('plan', detectors) } };
}

export function readBudget(word: string | undefined, flags: BudgetFlags): CapacityChange {
  const { images, money, price, currency, timeZone, expressBeyond } = flags;
  const budget: Partial<Budget> = {
    ...(images === undefined ? {} : { imagesPerDay: readNumber('--images', images) }),
    ...(money === undefined ? {} : { moneyPerDay: readNumber('--money', money) }),
    ...(price === undefined ? {} : { pricePerDetectorHour: readNumber('--price', price) }),
    ...(currency === undefined ? {} : { currency }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(expressBeyond === undefined ? {} : { expressBeyond }),
  };
  const isEmpty = Object.keys(budget).length === 0;
  if (word === undefined && !isEmpty) return { budget };
  if (word === 'default' && isEmpty) return { budget: 'default' };
  throw new UsageError('budget: either the word default, or one or more of its options');
}

/** null for `none`. */
function readNumber(what: string, text: string): number | null {
  if (text === 'none') return null;
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new UsageError(`${what} '${text}': a number, like 50 or 0.5`);
  return Number(text);
}
