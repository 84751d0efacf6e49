import { setTimeout as sleep } from 'node:timers/promises';
import type { LaneDemand, WindowReply, WindowRequest } from '../domain/index.js';
import type { Logger } from '../telemetry/index.js';
import type { DispatchMetrics } from './metrics.js';
import type { Window } from './window.js';

/** How often it is asked whether something has changed; milliseconds. */
const POLL_MS = 2_000;
/** Least time between two requests. */
const SOON_MS = 300;
/** Bounds on one request; its answer is worth nothing once the lease before it has run out. */
const REQUEST_MS = { least: 1_000, most: 10_000 };
/** Wait after a request that failed: this, doubled up to the other. */
const RETRY_MS = { first: 500, most: 5_000 };
/** Bound on a request when the role stops. */
const LAST_MS = 2_000;
/** Others learn of a rebalance within a heartbeat of 2 s; then they count the batches that this process leaves open. */
const HANDOVER_MS = 5_000;

const OUT = 'no lease of places in the window: no batch is started until an orchestrator answers';

export interface WindowLeaseOptions {
  /** One of a process, not used again. */
  holder: string;
  /** By lane. */
  windows: ReadonlyMap<string, Window>;
  /** Asks for places; rejects when no answer came within `timeoutMs`, and then none is heard any more. */
  ask: (request: WindowRequest, timeoutMs: number) => Promise<WindowReply>;
  /** Revision and number of holders as they are; costs no event. */
  look: () => Promise<{ revision: number; holders: number }>;
  /** What the role waits for. */
  waits: Map<string, string>;
  metrics: Pick<DispatchMetrics, 'places' | 'stopped'>;
  log: Logger;
  /** Default 2,000. */
  pollMs?: number;
  /** Default 300. */
  soonMs?: number;
  /** Default 5,000. */
  handoverMs?: number;
}

/**
 * Holds the places of this process in the window of the fleet. Asks again before the lease has run out, and soon when a
 * lane begins to want room, when something has changed, and when it goes by an answer that gave less or is of another
 * revision: only then may others have the places, and a change counts as in force. A lease counts from before it was
 * asked for; once it has run out no batch is started.
 */
export class WindowLease {
  readonly #options: WindowLeaseOptions;
  readonly #running: Promise<void>;
  readonly #poll: NodeJS.Timeout;
  #expiry: NodeJS.Timeout | undefined;
  #seq = 0;
  #revision = 0;
  #leaseMs = 0;
  #goodUntilMs = -Infinity;
  #failures = 0;
  /** Wait that the last answer led to. */
  #waitMs = 0;
  /** Demand of the last request, by lane. */
  #asked = new Map<string, LaneDemand>();
  #stopped = new Map<string, string>();
  #isCalled = false;
  #isClosed = false;
  #isOut = false;
  #isLooking = false;
  #wake: () => void = () => undefined;

  constructor(options: WindowLeaseOptions) {
    this.#options = options;
    for (const [lane, window] of options.windows) window.onChange(() => this.#consider(lane, window));
    this.#poll = setInterval(() => void this.#look(), options.pollMs ?? POLL_MS);
    this.#running = this.#run();
  }

  /** Asks as soon as it may. */
  call(): void {
    this.#isCalled = true;
    if (this.#failures === 0) this.#wake();
  }

  /**
   * Starts nothing any more and gives its places back. Where others hold leases it first leaves them time to count what
   * stays open here. Call it after the consumers are closed. Bounded; never rejects.
   */
  async close(): Promise<void> {
    const { windows, handoverMs = HANDOVER_MS } = this.#options;
    this.#isClosed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#expiry);
    this.#wake();
    for (const window of windows.values()) window.lease(0, Infinity);
    await Promise.race([this.#running, sleep(LAST_MS, undefined, { ref: false })]);
    const isOpen = (): boolean => [...windows.values()].some(({ taken }) => taken > 0);
    if (isOpen() && (await this.#hasOthers())) {
      await this.#last(false);
      const end = performance.now() + handoverMs;
      while (isOpen() && performance.now() < end) await sleep(Math.min(100, handoverMs));
    }
    await this.#last(true);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const waitMs = await this.#renew();
      const soonMs = Math.min(waitMs, this.#options.soonMs ?? SOON_MS);
      await this.#pause(soonMs, () => this.#isClosed);
      await this.#pause(waitMs - soonMs, () => this.#isClosed || (this.#isCalled && this.#failures === 0));
    }
  }

  /** Waits, at most until `isOver` when woken. */
  #pause(waitMs: number, isOver: () => boolean): Promise<void> {
    if (waitMs <= 0 || isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => {
        if (!isOver()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Returns the milliseconds after which to ask again. */
  async #renew(): Promise<number> {
    const { ask, log } = this.#options;
    this.#isCalled = false;
    const request = this.#request();
    const beforeMs = performance.now();
    try {
      const reply = await ask(request, Math.min(REQUEST_MS.most, Math.max(REQUEST_MS.least, this.#leaseMs / 3)));
      if (this.#isClosed) return 0;
      this.#failures = 0;
      return this.#apply(request, reply, beforeMs);
    } catch (err) {
      if (this.#failures === 0) log.warn({ err }, 'places in the window can not be asked for');
      this.#failures += 1;
      if (performance.now() >= this.#goodUntilMs) this.#runOut();
      return (
        Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(this.#failures - 1, 10)) * (0.5 + Math.random() / 2)
      );
    }
  }

  #request(): WindowRequest {
    this.#seq += 1;
    const lanes = [...this.#options.windows].map(([lane, window]) => ({ lane, ...window.demand() }));
    this.#asked = new Map(lanes.map((demand) => [demand.lane, demand]));
    return { holder: this.#options.holder, seq: this.#seq, revision: this.#revision, lanes };
  }

  #apply(request: WindowRequest, reply: WindowReply, beforeMs: number): number {
    const { windows, metrics } = this.#options;
    const { revision, leaseMs, renewMs } = reply;
    const granted = new Map(reply.lanes.map(({ lane, places }) => [lane, places]));
    const isSame = request.lanes.every(({ lane, places }) => places === (granted.get(lane) ?? 0));
    const isLess = request.lanes.some(({ lane, places }) => (granted.get(lane) ?? 0) < places);
    this.#revision = revision;
    this.#leaseMs = leaseMs;
    this.#goodUntilMs = beforeMs + leaseMs;
    for (const [lane, window] of windows) {
      window.lease(granted.get(lane) ?? 0, this.#goodUntilMs);
      metrics.places.set({ lane }, window.places);
    }
    this.#watchEnd();
    this.#tellStopped(new Map(reply.stopped.map(({ lane, why }) => [lane, why])));
    if (isLess || revision !== request.revision) this.call();
    // Places that it is owed may be taken by long batches of others: then it asks for them less and less often.
    const isPatient = isSame && revision === request.revision && renewMs < leaseMs / 3;
    this.#waitMs = isPatient ? Math.min(leaseMs / 3, Math.max(renewMs, 2 * this.#waitMs)) : renewMs;
    return this.#waitMs;
  }

  #watchEnd(): void {
    const { waits, log } = this.#options;
    clearTimeout(this.#expiry);
    const leftMs = this.#goodUntilMs - performance.now();
    if (leftMs <= 0) {
      this.#runOut();
      return;
    }
    if (this.#isOut) log.info('places in the window are leased again');
    this.#isOut = false;
    waits.delete('capacity');
    this.#expiry = setTimeout(() => this.#watchEnd(), Math.ceil(leftMs) + 1);
  }

  #runOut(): void {
    const { windows, waits, metrics, log } = this.#options;
    for (const lane of windows.keys()) metrics.places.set({ lane }, 0);
    waits.set('capacity', OUT);
    if (!this.#isOut) log.warn(OUT);
    this.#isOut = true;
  }

  #tellStopped(stopped: Map<string, string>): void {
    const { windows, metrics, log } = this.#options;
    for (const lane of windows.keys()) {
      const [before, why] = [this.#stopped.get(lane), stopped.get(lane)];
      metrics.stopped.set({ lane }, why === undefined ? 0 : 1);
      if (why !== undefined && why !== before) log.warn({ lane, why }, 'no batch is started');
      if (why === undefined && before !== undefined) log.info({ lane }, 'batches are started again');
    }
    this.#stopped = stopped;
  }

  /** Is there something that the workflow should hear before the next request is due? */
  #consider(lane: string, window: Window): void {
    if (this.#stopped.has(lane)) return;
    const begins = window.wants && this.#asked.get(lane)?.wants !== true;
    // A batch that ended beyond the places frees one for others.
    const isBeyond = window.taken >= window.places && window.taken < (this.#asked.get(lane)?.open ?? 0);
    if (begins || isBeyond) this.call();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { revision } = await this.#options.look();
      if (revision !== this.#revision) this.call();
    } catch (err) {
      this.#options.log.debug({ err }, 'the revision of the capacity can not be read');
    } finally {
      this.#isLooking = false;
    }
  }

  async #hasOthers(): Promise<boolean> {
    const asked = this.#options.look().then(
      ({ holders }) => holders > 1,
      () => false,
    );
    return Promise.race([asked, sleep(LAST_MS, false, { ref: false })]);
  }

  async #last(leaving: boolean): Promise<void> {
    try {
      await this.#options.ask({ ...this.#request(), ...(leaving ? { leaving } : {}) }, LAST_MS);
    } catch (err) {
      this.#options.log.info(
        { err },
        'places in the window could not be given back: they are free when their lease ends',
      );
    }
  }
}
