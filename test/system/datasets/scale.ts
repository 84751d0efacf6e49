/** How much of a dataset is made, and from when on. */
export interface Scale {
  /** Versions of the data, a run each. Default: 3. */
  versions?: number;
  /** Rows of a version, about. Default: 400. */
  rows?: number;
  /** The first day. Default: START_MS. A TTL deletes what is too old by the clock of the server: give a day that is not. */
  startMs?: number;
}

/** 1 September 2026. */
export const START_MS = Date.UTC(2026, 8, 1);
export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** Customers that there are from the first version on and never leave. */
export const LASTING_CUSTOMERS = 200;

/** C000042 of 42. */
export function customerNo(index: number): string {
  return `C${String(index).padStart(6, '0')}`;
}

/** yyyy-mm-ddThh:mm:ss.mmmZ */
export function isoMs(ms: number): string {
  return new Date(ms).toISOString();
}
