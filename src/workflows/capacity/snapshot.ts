import type { CapacitySettings, ChangeRecord } from '../../domain/index.js';
import { NO_BUDGET_USED, type BudgetSnapshot } from './budget.js';
import { nothingByHand, type ByHand } from './byHand.js';
import type { ShareLease } from './shares.js';
import type { WindowLease } from './window.js';

/** What continues as new. */
export interface CapacitySnapshot {
  settings: CapacitySettings;
  byHand: ByHand;
  revision: number;
  shares: ShareLease[];
  window: WindowLease[];
  budget: BudgetSnapshot;
  changes: ChangeRecord[];
  /** Changes that are to be written, oldest first. */
  unrecorded: ChangeRecord[];
  /** Changes that not every holder goes by yet: the next execution waits on for them. */
  pending?: PendingChange[];
  /** Changes so far. */
  count: number;
  /** Until then detectors that nobody knows of may still go by leases that were lost; nothing new is given. */
  quietUntilMs: number;
}

/** A change, and the revision that all are to go by. */
export interface PendingChange {
  record: ChangeRecord;
  revision: number;
}

export function newCapacity(settings: CapacitySettings, quietUntilMs = 0): CapacitySnapshot {
  return {
    settings,
    byHand: nothingByHand(),
    revision: 1,
    ...{ shares: [], window: [], budget: NO_BUDGET_USED, changes: [], unrecorded: [], count: 0, quietUntilMs },
  };
}
