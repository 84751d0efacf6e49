import type {
  Budget,
  CapacitySettings,
  CapacityState,
  ChangeRecord,
  ChangeRequest,
  LaneSetting,
  ModelCapacity,
  ShareReply,
  ShareRequest,
  WindowReply,
  WindowRequest,
} from '../../domain/index.js';
import { BudgetAccounts, type Fleet } from './budget.js';
import { applyChange, type ByHand } from './byHand.js';
import { checkChange, checkShareRequest, checkWindowRequest } from './check.js';
import { rateOf, Shares, type Pool } from './shares.js';
import type { CapacitySnapshot, PendingChange } from './snapshot.js';
import { WindowPlaces, type WindowBounds } from './window.js';

/** Most changes that wait for the table, and most that are kept to be shown. */
const MAX_UNRECORDED = 1_000;
const CHANGES_SHOWN = 20;
/** Who is owed more asks again so soon; who has less now says so at once. */
const UNSETTLED_MS = 500;

/**
 * Cap, plan, budget, pause, and who holds which part of them. Plain and deterministic: it lives inside a workflow, which
 * gives it the time.
 */
export class CapacityBoard {
  #settings: CapacitySettings;
  readonly #byHand: ByHand;
  #revision: number;
  readonly #shares: Shares;
  readonly #window: WindowPlaces;
  readonly #budget: BudgetAccounts;
  #changes: ChangeRecord[];
  readonly #unrecorded: ChangeRecord[];
  #pending: PendingChange[];
  #count: number;
  readonly #quietUntilMs: number;
  #stopped = '';

  constructor(snapshot: CapacitySnapshot) {
    this.#settings = snapshot.settings;
    this.#byHand = snapshot.byHand;
    this.#revision = snapshot.revision;
    this.#shares = new Shares(snapshot.shares);
    this.#window = new WindowPlaces(snapshot.window);
    this.#budget = new BudgetAccounts(snapshot.budget);
    this.#changes = snapshot.changes;
    this.#unrecorded = snapshot.unrecorded;
    this.#pending = snapshot.pending ?? [];
    this.#count = snapshot.count;
    this.#quietUntilMs = snapshot.quietUntilMs;
    this.#stopped = this.#whatIsStopped();
  }

  get settings(): CapacitySettings {
    return this.#settings;
  }

  get revision(): number {
    return this.#revision;
  }

  get pending(): readonly PendingChange[] {
    return this.#pending;
  }

  get unrecorded(): readonly ChangeRecord[] {
    return this.#unrecorded;
  }

  /** Throws TypeError for what is no request, RangeError for one that may not be answered. */
  checkShare(request: ShareRequest): void {
    checkShareRequest(request);
    this.#shares.leases.check(request);
  }

  checkWindow(request: WindowRequest): void {
    checkWindowRequest(request);
    this.#window.leases.check(request);
  }

  /** Throws RangeError or TypeError for a change that can't be made. */
  checkChange(request: ChangeRequest): void {
    if (this.#unrecorded.length >= MAX_UNRECORDED)
      throw new RangeError(`${MAX_UNRECORDED} changes are not in the table yet: ClickHouse does not take them`);
    checkChange(request, this.budget);
  }

  configure(settings: CapacitySettings, nowMs: number): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.#revision += 1;
    this.advance(nowMs);
  }

  share(request: ShareRequest, nowMs: number): ShareReply {
    this.advance(nowMs);
    const { leaseMs } = this.#settings;
    const pool = this.pool(request.model);
    const isNew = this.#shares.leases.get(request.holder) === undefined;
    const share = this.#shares.ask(
      request,
      pool,
      { revision: this.#revision, expiresAtMs: nowMs + leaseMs },
      nowMs < this.#quietUntilMs,
    );
    const budget = this.#budget.ask(request, this.budget, this.fleet, rateOf(share.rate), nowMs, leaseMs);
    if (request.leaving) {
      this.#shares.leases.delete(request.holder);
      this.#budget.leave(request.holder);
    }
    if (isNew || request.leaving) this.#revision += 1;
    this.advance(nowMs);
    return {
      ...{ revision: this.#revision, leaseMs, rate: share.rate },
      budget: { ...budget, exhausted: this.#budget.isExhausted(this.budget, this.fleet) },
      ...(share.standby === undefined ? {} : { standby: share.standby }),
      renewMs: share.isUnsettled ? Math.min(UNSETTLED_MS, leaseMs / 10) : leaseMs / 3,
    };
  }

  window(request: WindowRequest, nowMs: number): WindowReply {
    this.advance(nowMs);
    const { leaseMs } = this.#settings;
    const isNew = this.#window.leases.get(request.holder) === undefined;
    const bounds = this.#bounds(request.lanes);
    const { lanes, isUnsettled } = this.#window.ask(request, bounds, nowMs + leaseMs);
    if (request.leaving) this.#window.leases.delete(request.holder);
    if (isNew || request.leaving) this.#revision += 1;
    return {
      ...{ revision: this.#revision, leaseMs, lanes },
      renewMs: isUnsettled ? Math.min(UNSETTLED_MS, leaseMs / 10) : leaseMs / 3,
      stopped: bounds.lanes.flatMap((lane) => {
        const why = this.#stopOf(lane);
        return why === undefined ? [] : [{ lane: lane.lane, why }];
      }),
    };
  }

  /** Makes a change that was checked; returns its number. */
  change({ change, who, why }: ChangeRequest, idOf: (count: number) => string, nowMs: number): ChangeRecord {
    this.advance(nowMs);
    const { kind, model, before, after } = applyChange(
      this.#byHand,
      change,
      { who, why, sinceMs: nowMs },
      { pool: (of) => this.pool(of), budget: () => this.budget },
    );
    this.#count += 1;
    this.#revision += 1;
    const record = {
      ...{ id: idOf(this.#count), changedAtMs: nowMs, inForceAtMs: null },
      ...{ who, why, kind, model, before, after },
    };
    this.#unrecorded.push(record);
    this.#changes = [record, ...this.#changes].slice(0, CHANGES_SHOWN);
    this.advance(nowMs);
    this.#pending.push({ record, revision: this.#revision });
    return record;
  }

  /** Every holder goes by an answer of this revision or a later one. */
  isInForce(revision: number): boolean {
    return [...this.#shares.leases.all, ...this.#window.leases.all].every((one) => one.revision >= revision);
  }

  /** Every holder goes by a change: its record gets the time. */
  inForce(record: ChangeRecord, nowMs: number): ChangeRecord {
    const done = { ...record, inForceAtMs: nowMs };
    this.#changes = this.#changes.map((one) => (one.id === record.id ? done : one));
    this.#unrecorded.push(done);
    this.#pending = this.#pending.filter((one) => one.record.id !== record.id);
    return done;
  }

  /** Milliseconds until the last lease of those that are held now has ended. */
  longestLeaseMs(nowMs: number): number {
    const ends = [...this.#shares.leases.all, ...this.#window.leases.all].map(({ expiresAtMs }) => expiresAtMs - nowMs);
    return Math.max(this.#settings.leaseMs, ...ends);
  }

  /** The first `count` unrecorded changes are in the table. */
  recorded(count: number): void {
    this.#unrecorded.splice(0, count);
  }

  /** Forgets leases that have run out and begins a new day where one has begun. */
  advance(nowMs: number): void {
    const gone = this.#shares.leases.expire(nowMs);
    for (const { holder } of gone) this.#budget.lose(holder);
    if (gone.length + this.#window.leases.expire(nowMs).length > 0) this.#revision += 1;
    this.#budget.turn(this.budget, nowMs);
    const stopped = this.#whatIsStopped();
    if (stopped !== this.#stopped) this.#revision += 1;
    this.#stopped = stopped;
  }

  get budget(): Budget {
    return { ...this.#settings.budget, ...this.#byHand.budget };
  }

  pool(model: string): Pool {
    const { caps, plans } = this.#byHand;
    const isConfigured = model === this.#settings.model;
    const cap = Object.hasOwn(caps, model) ? caps[model] : undefined;
    const planned = Object.hasOwn(plans, model) ? plans[model] : undefined;
    return {
      cap: cap === undefined ? (isConfigured ? this.#settings.cap : null) : cap,
      planned: planned === undefined ? (isConfigured ? this.#settings.planned : null) : planned,
    };
  }

  get fleet(): Fleet {
    const { pricePerDetectorHour: price } = this.budget;
    return {
      serving: this.#shares.servingCount(),
      priceOf: (model) => {
        const rate = this.#shares.rateOfOne(model, this.pool(model));
        return price === null || rate === undefined ? undefined : price / 3600 / rate;
      },
    };
  }

  state(nowMs: number): CapacityState {
    const { caps, plans, paused, budget } = this.#byHand;
    const models = new Set([
      this.#settings.model,
      ...Object.keys(caps),
      ...Object.keys(plans),
      ...this.#shares.models(),
    ]);
    return {
      revision: this.#revision,
      leaseMs: this.#settings.leaseMs,
      models: [...models].map((model): ModelCapacity => {
        const holders = this.#shares.ofModel(model);
        const leased = holders.reduce((sum, { rate }) => sum + rateOf(rate), 0);
        return {
          ...{ model, ...this.pool(model), holders, leased: leased === Infinity ? null : leased },
          capFrom: Object.hasOwn(caps, model) ? 'person' : 'configuration',
          plannedFrom: Object.hasOwn(plans, model) ? 'person' : 'configuration',
        };
      }),
      window: this.#window.state(this.#bounds()),
      paused,
      budget: {
        ...this.#budget.state(this.budget, this.fleet, this.#settings.model, nowMs),
        from: budget === null ? 'configuration' : 'person',
      },
      unrecorded: this.#unrecorded.length,
      changes: this.#changes,
    };
  }

  snapshot(): CapacitySnapshot {
    return {
      ...{ settings: this.#settings, byHand: this.#byHand, revision: this.#revision, count: this.#count },
      ...{ shares: this.#shares.leases.all, window: this.#window.leases.snapshot(), budget: this.#budget.snapshot() },
      ...{
        changes: this.#changes,
        unrecorded: this.#unrecorded,
        pending: this.#pending,
        quietUntilMs: this.#quietUntilMs,
      },
    };
  }

  /** A lane that the configuration of the orchestrator does not have yet, or has no more, counts like any other. */
  #bounds(asked: readonly { lane: string }[] = []): WindowBounds {
    const { lanes, window } = this.#settings;
    const known = new Set(lanes.map(({ lane }) => lane));
    const others = new Set([...asked, ...this.#window.leases.all.flatMap((one) => one.lanes)].map(({ lane }) => lane));
    const further = [...others].filter((lane) => !known.has(lane)).map((lane) => ({ lane, weight: 1, express: false }));
    return {
      ...{ lanes: [...lanes, ...further], window, slots: this.#shares.slots },
      stopOf: (lane) => this.#stopOf(lane),
    };
  }

  #stopOf({ express }: LaneSetting): string | undefined {
    const { paused } = this.#byHand;
    if (paused !== null) return `paused by ${paused.who}: ${paused.why}`;
    const { budget } = this;
    if ((express && budget.expressBeyond) || !this.#budget.isExhausted(budget, this.fleet)) return undefined;
    return 'the budget of the day is used up';
  }

  #whatIsStopped(): string {
    return this.#settings.lanes.map((lane) => this.#stopOf(lane) ?? '').join('\n');
  }
}
