import type { Budget, CapacityChange, ChangeRequest } from '../../domain/index.js';
import { isTimeZone } from '../../domain/day.js';
import { MODEL_NAME } from '../../domain/topics.js';

const MAX_TEXT = 200;
const MAX_NUMBER = 1e12;

/** Throws TypeError or RangeError for a change that can't be made; anybody may send one by hand. */
export function checkChange({ change, who, why }: ChangeRequest, budget: Budget): void {
  for (const [name, text] of Object.entries({ who, why }))
    if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT)
      throw new TypeError(`${name}: text of 1 to ${MAX_TEXT} characters`);
  const keys = Object.keys(change);
  const [key] = keys;
  if (keys.length !== 1 || key === undefined || !Object.hasOwn(CHECKS, key))
    throw new TypeError(`a change is one of ${Object.keys(CHECKS).join(', ')}`);
  if ('set' in change) {
    const { cap } = change.set;
    checkModel(change.set.model);
    if (cap !== null && cap !== 'default') checkNumber('cap', cap, true);
  } else if ('plan' in change) {
    const { planned } = change.plan;
    checkModel(change.plan.model);
    if (planned !== null && planned !== 'default' && !(Number.isInteger(planned) && planned >= 1 && planned <= 500))
      throw new RangeError('planned: a whole number from 1 to 500, or null for all');
  } else if ('budget' in change && change.budget !== 'default') checkBudget(change.budget, budget);
}

const CHECKS: Record<keyof UnionKeys<CapacityChange>, true> = {
  ...{ set: true, plan: true, pause: true, resume: true, budget: true },
};

/** One object type with the keys of all members of a union. */
type UnionKeys<T> = { [K in T extends unknown ? keyof T : never]: true };

function checkBudget(change: Partial<Budget>, before: Budget): void {
  for (const key of ['imagesPerDay', 'moneyPerDay', 'pricePerDetectorHour'] as const) {
    const value = change[key];
    if (value !== undefined && value !== null) checkNumber(key, value, false);
  }
  const { timeZone, currency } = change;
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new RangeError(`timeZone: '${timeZone}' is no IANA time zone, like Europe/Berlin`);
  if (currency !== undefined && !/^\S{1,8}$/.test(currency)) throw new RangeError('currency: like EUR');
  const after = { ...before, ...change };
  if (after.moneyPerDay !== null && after.pricePerDetectorHour === null)
    throw new RangeError('moneyPerDay: a ceiling in money needs pricePerDetectorHour');
}

function checkModel(model: unknown): void {
  if (typeof model !== 'string' || !MODEL_NAME.test(model)) throw new TypeError('model: the name of a model');
}

function checkNumber(name: string, value: unknown, isRate: boolean): void {
  if (typeof value !== 'number' || !(value >= 0) || value > MAX_NUMBER || (isRate && value === 0))
    throw new RangeError(
      `${name}: a number ${isRate ? 'above 0' : 'from 0'} to ${MAX_NUMBER}${isRate ? '; to stop: pause' : ''}`,
    );
}
