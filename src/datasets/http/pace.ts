import { systemClock, unlessAborted, type Clock } from './clock.js';

/** Spaces requests to a host. */
export interface HostPace {
  /**
   * Waits until a request to the host may begin. Rejects when the signal aborts, and as `reserve` does.
   *
   * @param host as in a URL: with its port, unless it is the usual one
   */
  take(host: string, perSecond: number, signal: AbortSignal): Promise<void>;
}

/**
 * Gives slots for requests to a host, at most `most` and at least one: from when it answers on, each may be used after so
 * long; milliseconds, ascending. Slots of a host are 1/perSecond apart, whoever gets them; of several rates the least
 * counts. None is in the past: a host that was left alone owes nothing.
 */
export type ReserveSlots = (host: string, perSecond: number, most: number) => Promise<{ delaysMs: number[] }>;

/** Slots of one host at one rate; the reservation itself knows of other rates. */
interface Lane {
  host: string;
  perSecond: number;
  /** When each slot begins, ascending. */
  slots: number[];
  /** When the last one that was ever reserved begins. */
  last: number;
  /** Slots of the next reservation. */
  block: number;
  /** One was let go: the next reservation is for fewer. */
  isSlow: boolean;
  /** When one was used last. */
  used: number;
  /** Since the last reservation one was asked for sooner than the rate allows: the host is in demand. */
  isAwaited: boolean;
  reserving: Promise<void> | undefined;
}

const SECOND_MS = 1_000;
/** A slot is good for so long; what is not begun by then is let go. */
const LATE_MS = 30;
/** Known at a time. Beyond it the oldest are forgotten: their slots are let go. */
const MOST_HOSTS = 1_000;

/**
 * A pace for all fetches of this process. In no second more than `perSecond` requests begin, by the whole fleet: slots are
 * reserved 3 % further apart than that, so that one that is used at once and one that is used late are not too close.
 *
 * Slots come in blocks: one where the host is idle, up to a second's worth where fetches wait for it and use them all. So a
 * slow API costs no slots that others would have used, and a fast one few reservations. The next block is reserved while
 * half of one is left: nobody waits for the reservation while slots pass.
 */
export function createHostPace(reserve: ReserveSlots, clock: Clock = systemClock): HostPace {
  const lanes = new Map<string, Lane>();
  return {
    take: async (host, perSecond, signal) => {
      const lane = laneOf(lanes, host, perSecond);
      lane.isAwaited ||= clock.now() < lane.used + SECOND_MS / perSecond;
      for (;;) {
        signal.throwIfAborted();
        const slot = nextSlot(lane, clock.now());
        if (slot !== undefined) {
          // Timers may fire a little early.
          for (let wait = slot - clock.now(); wait > 0; wait = slot - clock.now())
            await clock.sleep(Math.ceil(wait), signal);
          // Or late, for all who wait at once, when the process stood still.
          if (isOver(slot, clock.now())) continue;
          lane.used = clock.now();
          if (isRunningOut(lane)) reserving(lane, reserve, clock).catch(() => undefined);
          return;
        }
        await unlessAborted(reserving(lane, reserve, clock), signal);
      }
    },
  };
}

/** Reserves for this process alone: for tests, and for what runs without a fleet. The least rate that it saw of a host counts. */
export function localReserve(clock: Clock = systemClock): ReserveSlots {
  const hosts = new Map<string, { perSecond: number; next: number }>();
  return (host, perSecond, most) => {
    const now = clock.now();
    const known = hosts.get(host) ?? { perSecond, next: now };
    const least = Math.min(known.perSecond, perSecond);
    const first = Math.max(known.next, now);
    const starts = Array.from({ length: most }, (_, index) => first + (index * SECOND_MS) / least);
    if (hosts.size >= MOST_HOSTS) for (const [name, { next }] of hosts) if (next <= now) hosts.delete(name);
    hosts.set(host, { perSecond: least, next: first + (most * SECOND_MS) / least });
    return Promise.resolve({ delaysMs: starts.map((start) => start - now) });
  };
}

function laneOf(lanes: Map<string, Lane>, host: string, perSecond: number): Lane {
  const key = `${host} ${perSecond}`;
  const lane = lanes.get(key) ?? {
    host,
    perSecond,
    slots: [],
    last: -Infinity,
    block: 1,
    isSlow: false,
    used: -Infinity,
    isAwaited: false,
    reserving: undefined,
  };
  lanes.set(key, lane);
  const [oldest] = lanes.keys();
  if (lanes.size > MOST_HOSTS && oldest !== undefined) lanes.delete(oldest);
  return lane;
}

/** The first slot that is not over. */
function nextSlot(lane: Lane, now: number): number | undefined {
  const good = lane.slots.findIndex((slot) => !isOver(slot, now));
  const lost = lane.slots.splice(0, good < 0 ? lane.slots.length : good);
  lane.isSlow ||= lost.length > 0;
  return lane.slots.shift();
}

/** Whoever asks no sooner than the rate allows reserves only what it needs. */
function isRunningOut({ slots, block, isSlow, isAwaited }: Lane): boolean {
  return isAwaited && !isSlow && slots.length <= block >> 1;
}

function isOver(slot: number, now: number): boolean {
  return now > slot + LATE_MS;
}

/** One reservation at a time; who needs a slot waits for the one that there is. */
function reserving(lane: Lane, reserve: ReserveSlots, clock: Clock): Promise<void> {
  lane.reserving ??= refill(lane, reserve, clock).finally(() => (lane.reserving = undefined));
  return lane.reserving;
}

async function refill(lane: Lane, reserve: ReserveSlots, clock: Clock): Promise<void> {
  const { host, perSecond, isSlow } = lane;
  if (isSlow) lane.block = Math.max(1, lane.block >> 1);
  lane.isSlow = false;
  const rate = perSecond / (1 + LATE_MS / SECOND_MS);
  const { delaysMs } = await reserve(host, rate, lane.block);
  const [first] = delaysMs;
  if (first === undefined) throw new Error(`no slot was reserved for a request to ${host}`);
  // An answer that came faster than the one before would bring its slots too close to those.
  const from = Math.max(clock.now(), lane.last + SECOND_MS / rate - Math.max(0, first));
  lane.slots.push(...delaysMs.map((delay) => from + Math.max(0, delay)));
  lane.last = lane.slots.at(-1) ?? from;
  if (lane.isAwaited) lane.block = Math.min(lane.block * 2, Math.max(1, Math.floor(perSecond)));
  lane.isAwaited = false;
}
