import type { Budget, CapacityChange, ChangeRequest } from '../../domain/index.js';
import { isTimeZone } from '../../domain/day.js';
import { MODEL_NAME } from '../../domain/topics.js';

const MAX_TEXT = 200;
const MAX_NUMBER = 1e12;
const MAX_PLANNED = 500;

/** Throws TypeError or RangeError for a change that can't be made; anybody may send one by hand. */
export function checkChange(request: ChangeRequest, budget: Budget): void {
  checkObject('a request', request);
  const { change, who, why } = request;
  for (const [name, text] of Object.entries({ who, why }))
    if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_TEXT)
      throw new TypeError(`${name}: text of 1 to ${MAX_TEXT} characters`);
  checkObject('change', change);
  const keys = Object.keys(change);
  const [key] = keys;
  if (keys.length !== 1 || key === undefined || !Object.hasOwn(CHECKS, key))
    throw new TypeError(`a change is one of ${Object.keys(CHECKS).join(', ')}`);
  if ('set' in change) {
    checkObject('set', change.set);
    checkModel(change.set.model);
    if (change.set.cap !== null && change.set.cap !== 'default') checkNumber('cap', change.set.cap, true);
  } else if ('plan' in change) {
    checkObject('plan', change.plan);
    checkModel(change.plan.model);
    checkPlanned(change.plan.planned);
  } else if ('budget' in change) {
    if (change.budget === 'default') return;
    checkObject('budget', change.budget);
    checkBudget(change.budget, budget);
  } else checkTrue(key, Object.values(change)[0]);
}

const CHECKS: Record<keyof UnionKeys<CapacityChange>, true> = {
  ...{ set: true, plan: true, pause: true, resume: true, budget: true },
};

/** One object type with the keys of all members of a union. */
type UnionKeys<T> = { [K in T extends unknown ? keyof T : never]: true };

const NUMBERS = ['imagesPerDay', 'moneyPerDay', 'pricePerDetectorHour'] as const;
const BUDGET_KEYS: readonly string[] = [...NUMBERS, 'currency', 'timeZone', 'expressBeyond'] satisfies (keyof Budget)[];

function checkBudget(change: Partial<Budget>, before: Budget): void {
  const keys = Object.keys(change);
  const unknown = keys.find((key) => !BUDGET_KEYS.includes(key));
  if (keys.length === 0 || unknown !== undefined)
    throw new TypeError(`budget: one or more of ${BUDGET_KEYS.join(', ')}`);
  for (const key of NUMBERS) {
    const value = change[key];
    if (value !== undefined && value !== null) checkNumber(key, value, false);
  }
  const { timeZone = 'UTC', currency = 'EUR', expressBeyond = false }: Record<string, unknown> = change;
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone))
    throw new RangeError(`timeZone: '${String(timeZone)}' is no IANA time zone, like Europe/Berlin`);
  if (typeof currency !== 'string' || !/^\S{1,8}$/.test(currency)) throw new RangeError('currency: like EUR');
  if (typeof expressBeyond !== 'boolean') throw new TypeError('expressBeyond: true or false');
  const after = { ...before, ...change };
  if (after.moneyPerDay !== null && after.pricePerDetectorHour === null)
    throw new RangeError('moneyPerDay: a ceiling in money needs pricePerDetectorHour');
}

function checkPlanned(planned: unknown): void {
  if (planned === null || planned === 'default') return;
  if (!(typeof planned === 'number' && Number.isInteger(planned) && planned >= 1 && planned <= MAX_PLANNED))
    throw new RangeError(`planned: a whole number from 1 to ${MAX_PLANNED}, or null for all`);
}

function checkModel(model: unknown): void {
  if (typeof model !== 'string' || !MODEL_NAME.test(model)) throw new TypeError('model: the name of a model');
}

function checkTrue(name: string, value: unknown): void {
  if (value !== true) throw new TypeError(`${name}: true`);
}

function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name}: an object`);
}

function checkNumber(name: string, value: unknown, isRate: boolean): void {
  if (typeof value !== 'number' || !(value >= 0) || value > MAX_NUMBER || (isRate && value === 0))
    throw new RangeError(
      `${name}: a number ${isRate ? 'above 0' : 'from 0'} to ${MAX_NUMBER}${isRate ? '; to stop: pause' : ''}`,
    );
}
