import {
  LEASE_MARGIN_MS,
  rateText,
  type Budget,
  type BudgetState,
  type CapacityState,
  type ModelCapacity,
  type ShareHolderState,
} from '../../domain/index.js';
import { createTable } from '../table.js';

const CHANGES_SHOWN = 5;

/** What the workflow knows, as tables for a person. */
export function capacityText(state: CapacityState, nowMs: number): string {
  const about = createTable();
  const { paused, budget, changes, unrecorded } = state;
  if (paused !== null) about.push(['paused', `since ${iso(paused.sinceMs)} by ${paused.who}: ${paused.why}`]);
  for (const model of state.models) about.push([`model ${model.model}`, modelText(model, nowMs)]);
  about.push(['budget', budgetText(budget)]);
  for (const { changedAtMs, who, why, kind, model, before, after, inForceAtMs } of changes.slice(0, CHANGES_SHOWN)) {
    const what = `${`${kind} ${model}`.trim()}: ${valueText(kind, before)} -> ${valueText(kind, after)}`;
    const force = inForceAtMs === null ? ', not in force everywhere yet' : '';
    about.push([iso(changedAtMs), `${what}, by ${who} (${why})${force}`]);
  }
  if (unrecorded > 0) about.push(['not in the table yet', `${unrecorded} changes: ClickHouse does not take them`]);
  const holders = state.models.flatMap((model) => model.holders);
  return [
    about.toString(),
    ...(holders.length === 0 ? ['No detector has a lease.'] : [detectorTable(state, nowMs)]),
    windowTable(state),
    ...state.models.flatMap((model) => warningOf(model, nowMs)),
  ].join('\n');
}

function modelText({ cap, capFrom, planned, plannedFrom, leased, holders }: ModelCapacity, nowMs: number): string {
  const live = holders.filter((one) => !isRunOut(one, nowMs));
  const serving = live.filter(({ standby }) => !standby).length;
  return (
    `cap ${rateText(cap)} (${capFrom}); plan ${planned ?? 'all'} (${plannedFrom}); ` +
    `leased ${leased === null ? 'without a limit' : rateText(leased)} to ${serving} that serve, ${live.length - serving} stand by`
  );
}

function detectorTable({ models }: CapacityState, nowMs: number): string {
  const table = createTable(['detector', 'model', 'share', 'measured most', 'slots', 'waiting', 'lease ends in']);
  for (const { model, planned, holders } of models)
    for (const one of holders)
      table.push([
        one.holder,
        model,
        one.standby ? `stands by: ${planned ?? 'all'} planned` : one.rate === null ? 'no limit' : rateText(one.rate),
        one.most === null ? 'not measured' : rateText(one.most),
        one.slots,
        `${one.waiting.express} express, ${one.waiting.bulk} bulk`,
        isRunOut(one, nowMs) ? 'run out' : `${Math.max(0, (one.expiresAtMs - nowMs) / 1000).toFixed(0)} s`,
      ]);
  return table.toString();
}

function windowTable({ window }: CapacityState): string {
  const table = createTable([`window of ${window.places}`, 'weight', 'leased', 'open', '']);
  for (const { lane, weight, express, leased, open, stopped } of window.lanes)
    table.push([`${lane}${express ? ' (express)' : ''}`, weight, leased, open, stopped ?? '']);
  return table.toString();
}

/** A cap that the detectors that may serve can't reach slows nothing down, and promises too much. */
function warningOf({ model, cap, planned, holders }: ModelCapacity, nowMs: number): string[] {
  const serving = holders.filter((one) => !one.standby && !isRunOut(one, nowMs));
  if (cap === null || serving.length === 0) return [];
  const measured = serving.reduce((sum, { most }) => sum + (most ?? Infinity), 0);
  if (measured >= cap) return [];
  return [
    `The cap of ${model} is ${rateText(cap)}; its ${serving.length} detectors${planned === null ? '' : ` of ${planned} planned`} ` +
      `have measured ${rateText(measured)} together.`,
  ];
}

export function budgetText(budget: BudgetState): string {
  const { day, dayEndsAtMs, timeZone, used, committed, left, spent, pricePerImage, currency, exhausted } = budget;
  const ceiling = ceilingText(budget);
  const money = spent === null ? 'spent: not known' : `spent ${amount(spent)} ${currency}`;
  const price =
    pricePerImage === null ? 'price of an image not known' : `${amount(pricePerImage)} ${currency} an image`;
  return (
    `${ceiling}; ${day} (${timeZone}, until ${iso(dayEndsAtMs)}): ${used} images used, ${committed - used} more given out, ` +
    `${left === null ? 'no ceiling' : `${left} left`}; ${money}, ${price}${exhausted ? '; USED UP' : ''}`
  );
}

/** A value of a change, for people: budgets are recorded as JSON. */
export function valueText(kind: string, value: string): string {
  if (kind === 'set' && value !== 'none') return `${value} images/s`;
  if (kind !== 'budget') return value;
  const budget = JSON.parse(value) as Budget;
  const price =
    budget.pricePerDetectorHour === null ? '' : `, ${budget.pricePerDetectorHour} ${budget.currency} a detector hour`;
  return `${ceilingText(budget)} (${budget.timeZone}${price}${budget.expressBeyond ? ', express beyond' : ''})`;
}

function ceilingText({ imagesPerDay, moneyPerDay, currency }: Budget): string {
  const parts = [
    ...(imagesPerDay === null ? [] : [`${imagesPerDay} images a day`]),
    ...(moneyPerDay === null ? [] : [`${moneyPerDay} ${currency} a day`]),
  ];
  return parts.join(', ') || 'no ceiling';
}

export function isRunOut({ expiresAtMs }: Pick<ShareHolderState, 'expiresAtMs'>, nowMs: number): boolean {
  return expiresAtMs + LEASE_MARGIN_MS <= nowMs;
}

/** Two digits behind the point where it is money one would pay, more where it is the price of an image. */
export function amount(money: number): string {
  return money === 0 || money >= 1 ? money.toFixed(2) : String(Number(money.toPrecision(3)));
}

const iso = (ms: number): string => new Date(ms).toISOString();
