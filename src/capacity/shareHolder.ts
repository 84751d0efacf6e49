import type { Rate, ShareReply, ShareRequest } from '../domain/index.js';
import type { Logger } from '../telemetry/index.js';

/** What goes by a share: the pacer of a detector. Times are of the monotonic clock, milliseconds. */
export interface Paced {
  /** Images a second by now; 0 where the lease has run out. */
  readonly rate: number;
  readonly waiting: { express: number; bulk: number };
  /** Images granted since the beginning. */
  readonly granted: number;
  readonly account: { day: string; used: number; limit: number };
  lease(imagesPerSecond: number, untilMs: number): void;
  allow(allowance: { day: string; limit: number; endsMs: number; expressBeyond: boolean }): void;
  release(): void;
}

/** What a detector may do, for the one who decides whether it polls. */
export type Standing =
  | {
      kind: 'serves';
      /** The ceiling of the day is reached: nothing but what goes beyond it may run. */
      isExhausted: boolean;
      expressBeyond: boolean;
    }
  /** It has no share, and why. */
  | { kind: 'standby'; reason: 'new' | 'planned' | 'unanswered'; why: string };

export interface ShareHolderOptions {
  /** Name of this process, not used again. */
  holder: string;
  model: string;
  /** Images a second that it can sustain; null: not measured. */
  most: Rate;
  slots: number;
  pacer: Paced;
  ask: (request: ShareRequest) => Promise<ShareReply>;
  onStanding: (standing: Standing) => void;
  log: Logger;
  /** Monotonic, milliseconds. Default performance.now. */
  now?: () => number;
}

/** Pause after an answer that did not come; milliseconds. */
const AGAIN_MS = 1_000;
/** Never asks more often than so, whatever happens. */
const LEAST_PAUSE_MS = 200;
/** How often the clock of the day is looked at; milliseconds. */
const WALL_CHECK_MS = 1_000;
/** Bound on what a process that ends waits for: the answer that is on its way, and that to its last request. */
const LEAVE_MS = 2_000;

/**
 * Holds a detector's share of the cap. Renews it in good time, counts its end from before it asked, and goes by what it
 * was answered last. An answer that did not come in time is never applied.
 */
export class ShareHolder {
  readonly #options: ShareHolderOptions;
  readonly #now: () => number;
  #seq = 0;
  #revision = 0;
  #untilMs = -Infinity;
  /** The same by the clock of the day, which goes on while a machine is suspended. */
  #untilWallMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #askedAtMs = -Infinity;
  #grantedBefore = 0;
  #wallCheck: NodeJS.Timeout | undefined;
  #isAway = false;
  #isClosed = false;
  #standing: Standing | undefined;

  constructor(options: ShareHolderOptions) {
    this.#options = options;
    this.#now = options.now ?? ((): number => performance.now());
  }

  start(): void {
    this.#stand({ kind: 'standby', reason: 'new', why: 'asks for its first lease' });
    this.#wallCheck = setInterval(() => this.#checkWall(), WALL_CHECK_MS);
    this.#askIn(0);
  }

  /** Revision of the answer that it goes by. */
  get revision(): number {
    return this.#revision;
  }

  /** Renews as soon as it may: something has changed, or the allowance gets short. */
  renew(): void {
    this.#askIn(0);
  }

  /** Gives its share back. Bounded; never rejects. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    clearInterval(this.#wallCheck);
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise((resolve) => (timer = setTimeout(resolve, LEAVE_MS)));
    await Promise.race([this.#asking, bound]);
    const { pacer, log } = this.#options;
    pacer.lease(0, this.#now());
    pacer.release();
    const last = this.#options
      .ask({ ...this.#request(), rate: 0, leaving: true })
      .catch((err: unknown) => log.info({ err }, 'the share could not be given back; it runs out'));
    await Promise.race([last, bound]);
    clearTimeout(timer);
  }

  #askIn(ms: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const earliest = this.#askedAtMs + LEAST_PAUSE_MS - this.#now();
    this.#timer = setTimeout(
      () => {
        if (this.#asking !== undefined) {
          this.#askIn(LEAST_PAUSE_MS);
          return;
        }
        this.#asking = this.#ask().finally(() => (this.#asking = undefined));
      },
      Math.max(0, ms, earliest),
    );
  }

  async #ask(): Promise<void> {
    const { pacer, ask, log } = this.#options;
    const { granted, waiting } = pacer;
    // Nothing waits and nothing ran: what is left of the allowance is of more use elsewhere.
    if (granted === this.#grantedBefore && waiting.express + waiting.bulk === 0) pacer.release();
    this.#grantedBefore = granted;
    const request = this.#request();
    this.#askedAtMs = this.#now();
    const askedWallMs = Date.now();
    try {
      const reply = await ask(request);
      if (this.#isAway) log.info('the share is renewed again');
      this.#isAway = false;
      this.#untilWallMs = askedWallMs + reply.leaseMs;
      this.#apply(request, reply, this.#askedAtMs);
    } catch (err) {
      if (!this.#isAway) log.warn({ err }, 'the share can not be renewed; the lease goes on until it runs out');
      this.#isAway = true;
      this.#askIn(AGAIN_MS);
    }
  }

  #request(): ShareRequest {
    const { holder, model, most, slots, pacer } = this.#options;
    this.#seq += 1;
    return {
      ...{ holder, seq: this.#seq, model, most, slots, revision: this.#revision },
      rate: pacer.rate === Infinity ? null : pacer.rate,
      budget: pacer.account,
      waiting: pacer.waiting,
    };
  }

  #apply(request: ShareRequest, reply: ShareReply, askedAtMs: number): void {
    if (this.#isClosed) return;
    const { pacer } = this.#options;
    const { rate, revision, leaseMs, renewMs, standby, budget } = reply;
    this.#untilMs = askedAtMs + leaseMs;
    this.#revision = revision;
    pacer.allow({
      ...{ day: budget.day, limit: budget.limit ?? Infinity, expressBeyond: budget.expressBeyond },
      endsMs: askedAtMs + budget.endsInMs,
    });
    pacer.lease(rate ?? Infinity, this.#untilMs);
    this.#stand(
      standby === undefined
        ? { kind: 'serves', isExhausted: budget.exhausted, expressBeyond: budget.expressBeyond }
        : { kind: 'standby', reason: 'planned', why: standby },
    );
    this.#watchExpiry();
    // Less than before is confirmed by the next request, and others wait for it.
    const isLess = (rate ?? Infinity) < (request.rate ?? Infinity);
    const dayEndsIn = budget.limit === null ? Infinity : budget.endsInMs;
    this.#askIn(isLess ? 0 : Math.min(renewMs, dayEndsIn));
  }

  /** A machine that was suspended wakes with a lease that is good by its monotonic clock, and another's by then. */
  #checkWall(): void {
    const { pacer } = this.#options;
    if (pacer.rate === 0 || Date.now() <= this.#untilWallMs) return;
    pacer.lease(0, this.#now());
    this.#stand({ kind: 'standby', reason: 'unanswered', why: 'its lease has run out by the clock of the day' });
    this.#askIn(0);
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(
      () =>
        this.#stand({ kind: 'standby', reason: 'unanswered', why: 'its lease has run out: no orchestrator answers' }),
      this.#untilMs - this.#now(),
    );
  }

  #stand(standing: Standing): void {
    if (JSON.stringify(standing) === JSON.stringify(this.#standing)) return;
    this.#standing = standing;
    this.#options.onStanding(standing);
  }
}
