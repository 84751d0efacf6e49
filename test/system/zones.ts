import { localDay } from '../../src/domain/day.js';

/**
 * The zone that is the last to begin a day. A day never begins twice, so in any other zone a test could begin the one
 * that the test of the next day is to begin.
 */
export const EARLIEST_ZONE = 'Etc/GMT+12';

/** A day in which a test is not ended by midnight. */
const ROOM_MS = 10 * 60_000;

/**
 * A zone whose date is a later one than that of `EARLIEST_ZONE`, at any time: they are 25 or 26 hours apart. Never both
 * are close to midnight.
 */
export function laterZone(nowMs = Date.now()): string {
  const [latest, second] = ['Pacific/Kiritimati', 'Etc/GMT-13'];
  return localDay(nowMs, latest).endsAtMs - nowMs > ROOM_MS ? latest : second;
}

/** Milliseconds until the day of the earliest zone has room for a test; 0 where it has. */
export function untilRoomMs(nowMs = Date.now()): number {
  const left = localDay(nowMs, EARLIEST_ZONE).endsAtMs - nowMs;
  return left > ROOM_MS / 2 ? 0 : left + 1_000;
}
