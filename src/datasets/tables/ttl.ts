import { isNullable } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { durationMs } from '../manifest/words.js';
import { landingColumns } from './columns.js';
import { namesIn } from './expressions.js';
import { identifier } from './names.js';

/** Rows are deleted so many seconds after the time in a column. */
export interface TimeToLive {
  column: string;
  seconds: number;
}

export function declaredTtl({ target: { ttl } }: Manifest): TimeToLive | undefined {
  return ttl && { column: ttl.column, seconds: durationMs(ttl.after) / 1_000 };
}

/**
 * As DateTime64, which holds any end: a DateTime or a Date that ends after 2106 would begin again in 1970, and its rows would
 * go at once. A row without a time stays, and so does one of before 1970, which ClickHouse takes for having none.
 */
export function ttlExpression(manifest: Manifest, { column, seconds }: TimeToLive): string {
  const type = landingColumns(manifest).find(({ name }) => name === column)?.type;
  const time = `toDateTime64(${identifier(column)}, 0, 'UTC')`;
  const end = type && isNullable(type) ? `ifNull(${time}, toDateTime64('2299-12-31 00:00:00', 0, 'UTC'))` : time;
  return `${end} + toIntervalSecond(${seconds})`;
}

/** Whole parts are dropped, and none is written again, where partitions are of the same time. */
export function dropsWholeParts({ target: { partitionBy, ttl } }: Manifest): boolean {
  return ttl !== undefined && partitionBy !== undefined && namesIn(partitionBy).has(ttl.column);
}

/** Of `engine_full` of a table; undefined: none, `other`: one that Penstock would not write. */
export function readTtl(engine: string): TimeToLive | 'other' | undefined {
  if (!/\bTTL\b/.test(engine)) return undefined;
  const [, column, seconds] =
    /\bTTL (?:ifNull\()?toDateTime64\(`?([A-Za-z0-9_]+)`?, 0, 'UTC'\)(?:, toDateTime64\('2299-12-31 00:00:00', 0, 'UTC'\)\))? \+ toIntervalSecond\((\d+)\)(?: SETTINGS |$)/.exec(
      engine,
    ) ?? [];
  return column === undefined ? 'other' : { column, seconds: Number(seconds) };
}

/** Like 90d. */
export function secondsText(seconds: number): string {
  const [unit = 's', size = 1] =
    (
      [
        ['d', 86_400],
        ['h', 3_600],
        ['m', 60],
      ] as const
    ).find(([, size]) => seconds % size === 0) ?? [];
  return `${seconds / size}${unit}`;
}
