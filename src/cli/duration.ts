import { UsageError } from './verb.js';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration such as `90s`, `15m`, `2h` or `3d`; undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  return amount === undefined || unitMs === undefined ? undefined : Number(amount) * unitMs;
}

/** An ISO 8601 date, or a date and time with its offset; without one the meaning would hang on the machine. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * A point in the past, milliseconds since the epoch: a duration before now (`2h`, `3d`), or an ISO 8601 time
 * (`2026-01-31`, which begins at 00:00 UTC, or `2026-01-31T12:00:00Z`). Throws UsageError that names the option.
 */
export function parseSince(text: string, option: string, nowMs: number): number {
  const duration = parseDuration(text);
  const at = duration === undefined ? (isTime(text) ? Date.parse(text) : Number.NaN) : nowMs - duration;
  if (Number.isNaN(at) || at < 0)
    throw new UsageError(`${option} '${text}': a duration (90s, 15m, 2h, 3d) or an ISO time (2026-01-31T12:00:00Z)`);
  if (at > nowMs) throw new UsageError(`${option} '${text}' is in the future`);
  return at;
}

/** The parser takes February 30 for March 2. */
function isTime(text: string): boolean {
  if (!ISO_TIME.test(text)) return false;
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
}
