import type { Budget, CapacityChange, ChangeRequest, ShareRequest, WindowRequest } from '../../domain/index.js';
import { isTimeZone } from '../../domain/day.js';
import { LANE_NAME, MODEL_NAME } from '../../domain/topics.js';

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

/** Throws TypeError for what is no request of a detector; anybody may send one by hand. */
export function checkShareRequest(request: ShareRequest): void {
  checkHolder(request);
  checkModel(request.model);
  checkRate('most', request.most);
  checkRate('rate', request.rate);
  checkCounts('share', { slots: request.slots });
  checkObject('budget', request.budget);
  const { day, used, limit } = request.budget;
  if (typeof day !== 'string' || day.length > 10) throw new TypeError('budget.day: like 2026-03-29, or empty');
  checkCounts('budget', { used, limit });
  checkObject('waiting', request.waiting);
  const { express, bulk } = request.waiting;
  checkCounts('waiting', { express, bulk });
}

/** Throws TypeError for what is no request of a dispatcher. */
export function checkWindowRequest(request: WindowRequest): void {
  checkHolder(request);
  const lanes: unknown = request.lanes;
  if (!Array.isArray(lanes) || lanes.length > MAX_LANES) throw new TypeError(`lanes: a list of at most ${MAX_LANES}`);
  for (const demand of request.lanes) {
    checkObject('lanes', demand);
    const { lane, open, places, wants, partitions, of } = demand;
    if (typeof lane !== 'string' || !LANE_NAME.test(lane)) throw new TypeError('lane: the name of a lane');
    if (typeof wants !== 'boolean') throw new TypeError('wants: true or false');
    checkCounts(lane, { open, places, partitions, of });
  }
}

const MAX_LANES = 100;

function checkHolder({ holder, seq, revision }: { holder: string; seq: number; revision: number }): void {
  if (typeof holder !== 'string' || !/^[\w./-]{1,200}$/.test(holder)) throw new TypeError('holder: a name');
  checkCounts('request', { seq, revision });
}

function checkRate(name: string, rate: unknown): void {
  if (rate !== null) checkNumber(name, rate, false);
}

function checkCounts(of: string, counts: Record<string, unknown>): void {
  for (const [name, count] of Object.entries(counts))
    if (!Number.isSafeInteger(count) || Number(count) < 0) throw new TypeError(`${of}.${name}: a whole number from 0`);
}
