/**
 * Days of a time zone, plain: workflows are bundled with it. Intl is part of the language; the rules of the time zones
 * come with the runtime.
 */

/** A day from midnight to midnight of a time zone. */
export interface LocalDay {
  /** Like 2026-03-29; of two days the later one has the greater name. */
  name: string;
  /** Milliseconds since the epoch; a day has 23 or 25 hours where the clocks change. */
  endsAtMs: number;
}

const HOUR_MS = 3_600_000;
/** Zones whose formats and days are kept: to make a format costs more than to use it a hundred times. */
const MAX_ZONES = 64;

const formats = new Map<string, Intl.DateTimeFormat>();
/** The day that was last asked for in each zone, and from when on it is known to be that day. */
const days = new Map<string, LocalDay & { fromMs: number }>();

/** The day that holds a moment. Throws RangeError for a time zone that the runtime does not know. */
export function localDay(atMs: number, timeZone: string): LocalDay {
  const known = days.get(timeZone);
  if (known !== undefined && atMs >= known.fromMs && atMs < known.endsAtMs)
    return { name: known.name, endsAtMs: known.endsAtMs };
  const name = dateOf(atMs, timeZone);
  // A day is at most 25 hours long; the 24 hours that a zone leaves out as it crosses the date line belong to no day.
  let before = atMs;
  let after = atMs + 27 * HOUR_MS;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dateOf(middle, timeZone) === name) before = middle;
    else after = middle;
  }
  keep(days, timeZone, { name, endsAtMs: after, fromMs: atMs });
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
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  if (!formats.has(timeZone)) keep(formats, timeZone, format);
  return format.format(atMs);
}

function keep<T>(kept: Map<string, T>, timeZone: string, value: T): void {
  if (kept.size >= MAX_ZONES && !kept.has(timeZone)) kept.clear();
  kept.set(timeZone, value);
}
