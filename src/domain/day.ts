/**
 * Days of a time zone, plain: workflows are bundled with it. Intl is part of the language; the rules of the time zones
 * come with the runtime.
 */

/** A day from midnight to midnight of a time zone. */
export interface LocalDay {
  /** Like 2026-03-29. */
  name: string;
  /** Milliseconds since the epoch; a day has 23 or 25 hours where the clocks change. */
  endsAtMs: number;
}

const HOUR_MS = 3_600_000;

/** The day that holds a moment. Throws RangeError for a time zone that the runtime does not know. */
export function localDay(atMs: number, timeZone: string): LocalDay {
  const name = dateOf(atMs, timeZone);
  // A day is at most 25 hours long, and 27 where a zone crosses the date line is not one that anybody budgets by.
  let before = atMs;
  let after = atMs + 27 * HOUR_MS;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dateOf(middle, timeZone) === name) before = middle;
    else after = middle;
  }
  return { name, endsAtMs: after };
}

export function isTimeZone(timeZone: string): boolean {
  try {
    dateOf(0, timeZone);
    return true;
  } catch {
    return false;
  }
}

function dateOf(atMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return format.format(atMs);
}
