import type { ColumnType } from '../../manifest/columnType.js';
import type { Family, TimeReading } from './family.js';
import { instantOf } from './instants.js';

/** DateTime has 32 bits. */
const MOST_32_BITS = 4_294_967_295;
/** 1900-01-01 to 2299-12-31, which DateTime64 shows right. */
const FIRST_SECOND = -2_208_988_800;
const LAST_SECOND = 10_413_791_999;
/** With nine digits 64 bits end in 2262. */
const LAST_NANOSECOND_SECOND = 9_223_372_036;
const LAST_NANOSECOND = '854775807';
const LAST_MICROSECOND = 854_775;

/** Values are counts of the type's own unit since 1970, in UTC. */
export function times({ digits, zone }: Extract<ColumnType, { kind: 'time' }>, reading?: TimeReading): Family {
  const kept = digits ?? 0;
  const unit = 10 ** kept;
  const clickHouse = digits === null ? 'DateTime' : `DateTime64(${digits})`;
  return {
    valueType: 'BIGINT',
    read(text, shown, scope) {
      const by = reading ?? { zone, gap: 'quarantine', overlap: 'quarantine' };
      const { utc, micros, digits: told, why } = instantOf(text, shown, by, scope);
      const isWhole = `(${told} IS NULL OR ${told} = '')`;
      const ticks = `${utc} * ${unit} + CAST(rpad(${told}, ${Math.max(kept, 1)}, '0') AS BIGINT)`;
      const isIn = inRange(digits, utc, { micros, told });
      const counted = fromMicros(utc, micros, kept);
      const value = scope.name(
        `CASE WHEN NOT (${isIn}) THEN NULL WHEN ${micros} IS NOT NULL THEN ${counted} WHEN ${isWhole} THEN ${utc} * ${unit} WHEN strlen(${told}) <= ${kept} THEN ${ticks} END`,
      );
      const years = digits === null ? '1970 to 2106' : digits === 9 ? '1900 to 2262' : '1900 to 2299';
      return {
        value,
        why: `CASE WHEN ${utc} IS NULL THEN ${why} WHEN NOT (${isIn}) THEN concat(${shown}, ' is not in the years ${years}, which ${clickHouse} holds') ELSE concat(${shown}, ' has more digits of a second than ${clickHouse}') END`,
      };
    },
    seen: (value) => `make_timestamp(${microseconds(value, kept)})`,
    seenType: 'TIMESTAMP',
    text: (value) => textOf(value, kept),
    carried: (value) => value,
    structure: 'Int64',
    select: (column) =>
      digits === null
        ? `toDateTime(${column}, '${zone}')`
        : `reinterpret(${column}, 'DateTime64(${digits}, \\'${zone}\\')')`,
  };
}

/** NULL where the type has fewer digits. */
function fromMicros(utc: string, micros: string, kept: number): string {
  if (kept >= 6) return `${utc} * ${10 ** kept} + ${micros} * ${10 ** (kept - 6)}`;
  const least = 10 ** (6 - kept);
  return `CASE WHEN ${micros} % ${least} = 0 THEN ${utc} * ${10 ** kept} + ${micros} // ${least} END`;
}

function inRange(digits: number | null, utc: string, { micros, told }: { micros: string; told: string }): string {
  if (digits === null) return `${utc} BETWEEN 0 AND ${MOST_32_BITS}`;
  if (digits < 9) return `${utc} BETWEEN ${FIRST_SECOND} AND ${LAST_SECOND}`;
  const isLater = `(COALESCE(${micros}, 0) > ${LAST_MICROSECOND} OR COALESCE(rpad(${told}, 9, '0'), '') > '${LAST_NANOSECOND}')`;
  return `${utc} BETWEEN ${FIRST_SECOND} AND ${LAST_NANOSECOND_SECOND} AND NOT (${utc} = ${LAST_NANOSECOND_SECOND} AND ${isLater})`;
}

/** Rounded down: expressions see microseconds. */
function microseconds(value: string, digits: number): string {
  if (digits <= 6) return `${value} * ${10 ** (6 - digits)}`;
  const more = 10 ** (digits - 6);
  return `(${value} - ((${value} % ${more}) + ${more}) % ${more}) // ${more}`;
}

function textOf(value: string, digits: number): string {
  const unit = 10 ** digits;
  const rest = `((${value} % ${unit}) + ${unit}) % ${unit}`;
  const second = `CAST(make_timestamp(((${value} - ${rest}) // ${unit}) * 1000000) AS VARCHAR)`;
  return digits === 0
    ? `(${second} || 'Z')`
    : `(${second} || '.' || lpad(CAST(${rest} AS VARCHAR), ${digits}, '0') || 'Z')`;
}
