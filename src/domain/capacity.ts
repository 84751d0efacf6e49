/**
 * What the workflow `capacity` and those that hold leases of it say to each other. Plain data without imports at run
 * time, because workflows are bundled with it.
 *
 * Detectors lease a share of the cap of their model, dispatchers lease places in the window of open batches. A lease has
 * an end; its holder counts from before it asked, by a monotonic clock, the workflow from when it answered, so the holder
 * always stops first.
 */

/** Id of the one execution of the workflow `capacity`. */
export const CAPACITY_WORKFLOW_ID = 'penstock-capacity';
export const CAPACITY_UPDATES = {
  share: 'share',
  window: 'window',
  change: 'change',
  configure: 'configure',
} as const;
/** `nudge` changes nothing: it is an event, for which the server has to make a workflow task that is written down. */
export const CAPACITY_SIGNALS = { nudge: 'nudge' } as const;
export const CAPACITY_QUERIES = { state: 'capacity', snapshot: 'snapshot' } as const;

/** What a lease counts as taken beyond its end, milliseconds: clocks of two machines do not run alike. */
export const LEASE_MARGIN_MS = 5_000;

/** Images a second; null has no limit. */
export type Rate = number | null;

/** What the configuration says; what a person has set goes before it. */
export interface CapacitySettings {
  /** How long a lease is good without being renewed; it is renewed three times as often. */
  leaseMs: number;
  /** Model that `cap` and `planned` are of. */
  model: string;
  /** Images a second of all its detectors together; null: what they can sustain. */
  cap: Rate;
  /** Detectors that may serve at once; further ones stand by. Null: all. */
  planned: number | null;
  lanes: LaneSetting[];
  /** Most open batches in the fleet; null: three times the slots of the detectors that serve. */
  window: number | null;
  budget: Budget;
}

export interface LaneSetting {
  lane: string;
  /** Share of the window beside the weights of other lanes; above 0. */
  weight: number;
  express: boolean;
}

export interface Budget {
  /** Most images a day; null: no ceiling. */
  imagesPerDay: number | null;
  /** Most money a day, in `currency`; null: no ceiling. */
  moneyPerDay: number | null;
  /** What one detector costs an hour, in `currency`; null: not known. */
  pricePerDetectorHour: number | null;
  /** For a person: EUR, USD. */
  currency: string;
  /** IANA time zone in which a day begins at midnight. */
  timeZone: string;
  /** Express images are detected though the ceiling is reached. */
  expressBeyond: boolean;
}

/** A detector asks for its share, or for more of it. */
export interface ShareRequest {
  /** One of a process, not used again. */
  holder: string;
  /** Raised with every request of this holder: one that arrives late is refused. */
  seq: number;
  /** Name of the model, without its hash. */
  model: string;
  /** What it can sustain: measured, with headroom. Null: not measured. */
  most: Rate;
  slots: number;
  /** The rate that it goes by now; 0 where it has no lease, or has none any more. */
  rate: Rate;
  /** Revision of the last answer that it goes by; 0 before the first. */
  revision: number;
  /** Images that it has taken tokens for in a day, which only counts up within it, and how many it may go by now. */
  budget: { day: string; used: number; limit: number };
  /** Images that wait for tokens. */
  waiting: { express: number; bulk: number };
  /** It ends: what it had is free at once. */
  leaving?: boolean;
}

/** What is answered to a detector. Milliseconds count from before it asked. */
export interface ShareReply {
  revision: number;
  leaseMs: number;
  /** When to ask again. */
  renewMs: number;
  /** Why it has no share; undefined where it has one. */
  standby?: string;
  rate: Rate;
  /** `limit` counts from the beginning of the day, null: no ceiling; `endsInMs`: when the day ends; `exhausted`: nobody has any left. */
  budget: { day: string; limit: number | null; endsInMs: number; expressBeyond: boolean; exhausted: boolean };
}

/** A dispatcher asks for places in the window. */
export interface WindowRequest {
  holder: string;
  seq: number;
  revision: number;
  lanes: LaneDemand[];
  leaving?: boolean;
}

export interface LaneDemand {
  lane: string;
  /** Batches of this lane that it knows to be open. */
  open: number;
  /** Places that it goes by now. */
  places: number;
  /** Could use more. */
  wants: boolean;
  /** Partitions of the lane's topic that it reads, and how many the topic has; 0 where it does not know. */
  partitions: number;
  of: number;
}

export interface WindowReply {
  revision: number;
  leaseMs: number;
  renewMs: number;
  lanes: { lane: string; places: number }[];
  /** Why no batch is started in a lane, where none may: paused, or the budget of the day is used up. */
  stopped: { lane: string; why: string }[];
}

/** What a person changes. Exactly one of the keys. */
export type CapacityChange =
  | { set: { model: string; cap: Rate | 'default' } }
  | { plan: { model: string; planned: number | null | 'default' } }
  | { pause: true }
  | { resume: true }
  | { budget: Partial<Budget> | 'default' };

export interface ChangeRequest {
  change: CapacityChange;
  /** Who, and why. */
  who: string;
  why: string;
}

/** A change as it is recorded: the row of `capacity_changes`. */
export interface ChangeRecord {
  /** Identity: id of the chain of executions and number of the change in it. */
  id: string;
  changedAtMs: number;
  /** When every holder went by it; null while some do not yet. */
  inForceAtMs: number | null;
  who: string;
  why: string;
  kind: 'set' | 'plan' | 'pause' | 'resume' | 'budget';
  /** Empty where it is of no one model. */
  model: string;
  before: string;
  after: string;
}

/** State for people and for those that hold leases. */
export interface CapacityState {
  revision: number;
  leaseMs: number;
  models: ModelCapacity[];
  window: WindowState;
  paused: { who: string; why: string; sinceMs: number } | null;
  budget: BudgetState;
  /** Changes that are not yet in the table. */
  unrecorded: number;
  /** The last changes, latest first; at most 20. */
  changes: ChangeRecord[];
}

export interface ModelCapacity {
  model: string;
  /** Null: what the detectors can sustain. */
  cap: Rate;
  capFrom: 'configuration' | 'person';
  planned: number | null;
  plannedFrom: 'configuration' | 'person';
  /** Sum of the shares; null where one has no limit. */
  leased: Rate;
  holders: ShareHolderState[];
}

export interface ShareHolderState {
  holder: string;
  rate: Rate;
  most: Rate;
  slots: number;
  standby: boolean;
  waiting: { express: number; bulk: number };
  /** By the clock of the workflow. */
  expiresAtMs: number;
}

export interface WindowState {
  /** Most open batches. */
  places: number;
  lanes: { lane: string; weight: number; express: boolean; leased: number; open: number; stopped: string | null }[];
  holders: { holder: string; expiresAtMs: number }[];
}

export interface BudgetState extends Budget {
  from: 'configuration' | 'person';
  /** Local date, like 2026-03-29. */
  day: string;
  dayEndsAtMs: number;
  /** Images that detectors have said to have taken tokens for. */
  used: number;
  /** Images that were leased and not taken back: those of lost detectors count as used. */
  committed: number;
  /** Images that the ceiling of today still leaves; null: no ceiling. */
  left: number | null;
  /** Money that `used` cost; null where the price of an image is not known. */
  spent: number | null;
  /** Price of one image in `currency`, by the detectors' rates as they are now; null: not known. */
  pricePerImage: number | null;
  exhausted: boolean;
}

/** For a person, as the Temporal UI shows it. */
export function describeCapacity({ models, window, paused, budget }: CapacityState): string {
  const lines = models.map(({ model, cap, planned, leased, holders }) => {
    const serving = holders.filter(({ standby }) => !standby).length;
    const standby = holders.length - serving;
    const of = planned === null ? '' : ` of ${planned} planned`;
    return (
      `**${model}**: cap ${rateText(cap)}, ${rateText(leased)} leased to ${serving} detectors${of}` +
      (standby > 0 ? `, ${standby} stand by` : '')
    );
  });
  if (paused !== null)
    lines.push(`**paused** since ${new Date(paused.sinceMs).toISOString()} by ${paused.who}: ${paused.why}`);
  for (const { lane, leased, open, stopped } of window.lanes)
    lines.push(
      `lane ${lane}: ${open} open batches, ${leased} of ${window.places} places${stopped === null ? '' : `; ${stopped}`}`,
    );
  if (budget.left !== null)
    lines.push(`budget of ${budget.day} (${budget.timeZone}): ${budget.used} images used, ${budget.left} left`);
  return lines.join('\n\n');
}

/** `50 images/s`, or `none` where there is no limit. */
export function rateText(rate: Rate): string {
  return rate === null ? 'none' : `${Number(rate.toFixed(2))} images/s`;
}
