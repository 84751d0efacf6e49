import type { Budget, CapacityChange, ChangeRecord, Rate } from '../../domain/index.js';
import type { Pool } from './shares.js';

/** What people have set; it goes before the configuration. */
export interface ByHand {
  caps: Record<string, Rate>;
  plans: Record<string, number | null>;
  budget: Partial<Budget> | null;
  paused: Pause | null;
}

export interface Pause {
  who: string;
  why: string;
  sinceMs: number;
}

export function nothingByHand(): ByHand {
  return { caps: {}, plans: {}, budget: null, paused: null };
}

/** What applies by now, of the configuration and of what people have set. */
export interface InForce {
  pool: (model: string) => Pool;
  budget: () => Budget;
}

/** Applies a change that was checked; says what was and what is. */
export function applyChange(
  byHand: ByHand,
  change: CapacityChange,
  pause: Pause,
  now: InForce,
): Pick<ChangeRecord, 'kind' | 'model' | 'before' | 'after'> {
  if ('set' in change) {
    const { model, cap } = change.set;
    const before = capText(now.pool(model));
    if (cap === 'default') Reflect.deleteProperty(byHand.caps, model);
    else byHand.caps[model] = cap;
    return { kind: 'set', model, before, after: capText(now.pool(model)) };
  }
  if ('plan' in change) {
    const { model, planned } = change.plan;
    const before = planText(now.pool(model));
    if (planned === 'default') Reflect.deleteProperty(byHand.plans, model);
    else byHand.plans[model] = planned;
    return { kind: 'plan', model, before, after: planText(now.pool(model)) };
  }
  if ('budget' in change) {
    const before = JSON.stringify(now.budget());
    byHand.budget = change.budget === 'default' ? null : { ...byHand.budget, ...change.budget };
    return { kind: 'budget', model: '', before, after: JSON.stringify(now.budget()) };
  }
  const before = pauseText(byHand);
  byHand.paused = 'pause' in change ? pause : null;
  return { kind: 'pause' in change ? 'pause' : 'resume', model: '', before, after: pauseText(byHand) };
}

function capText({ cap }: Pool): string {
  return cap === null ? 'none' : String(cap);
}

function planText({ planned }: Pool): string {
  return String(planned ?? 'all');
}

function pauseText({ paused }: ByHand): string {
  return paused === null ? 'running' : 'paused';
}
