import type { Scope } from '../pipeline.js';
import { literal } from '../sql.js';
import type { TimeReading } from './family.js';
import { inZone, isUtc, seconds } from './zones.js';

/** SQL of a time that a text says. DuckDB counts microseconds: seconds and their fraction go apart. */
export interface Instant {
  /** Whole seconds since 1970 in UTC. NULL: none is said, or the zone knows no such time. */
  utc: string;
  /** Microseconds of the second. NULL: `digits` says them. */
  micros: string;
  /** Digits after the point without zeros at the end, where `micros` is NULL; NULL or empty: a whole second. */
  digits: string;
  /** Why `utc` is NULL. */
  why: string;
}

const MILLION = 1_000_000;
const DAY = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const MINUTE = '(?:[01][0-9]|2[0-3]):[0-5][0-9]';
const OFFSET = '(?:Z|z|UTC|[+-](?:0[0-9]|1[0-9]|2[0-3])(?::?[0-5][0-9])?)';
/** What nearly all of them look like, and what DuckDB's cast reads as it stands there, to the last digit. */
const PLAIN = `'${DAY}[T ]${MINUTE}:[0-5][0-9](?:[.][0-9]{1,6})?Z?'`;
const ISO = `'${DAY}(?:[Tt ]${MINUTE}(?::[0-5][0-9](?:[.,][0-9]{1,30})?)?(?: ?${OFFSET})?)?'`;

/** Reads a text as ISO 8601 writes it, with T or a space, or by the pattern. */
export function instantOf(text: string, shown: string, reading: TimeReading, scope: Scope): Instant {
  const { wall, micros, digits, isAbsolute } =
    reading.format === undefined ? iso(text, scope) : byFormat(text, reading.format, scope);
  const no = `concat(${shown}, ${literal(reading.format === undefined ? ' is no time like 2024-05-01 12:30:00 or 2024-05-01T12:30:00Z' : ` is no time like ${reading.format}`)})`;
  if (isUtc(reading.zone) || isAbsolute === 'true') return { utc: wall, micros, digits, why: no };
  const isLocal = scope.name(`CASE WHEN NOT (${isAbsolute}) THEN ${wall} END`);
  const zoned = inZone(isLocal, shown, reading, scope);
  return {
    utc: scope.name(`CASE WHEN ${isLocal} IS NULL THEN ${wall} ELSE ${zoned.value} END`),
    micros,
    digits,
    why: `CASE WHEN ${wall} IS NULL THEN ${no} ELSE ${zoned.why} END`,
  };
}

/** The digits after the point as a text without zeros at the end, empty for a whole second. */
export function fractionOf({ micros, digits }: Pick<Instant, 'micros' | 'digits'>): string {
  const told = `CASE WHEN ${micros} > 0 THEN rtrim(lpad(CAST(${micros} AS VARCHAR), 6, '0'), '0') ELSE '' END`;
  return `CASE WHEN ${micros} IS NOT NULL THEN ${told} ELSE COALESCE(${digits}, '') END`;
}

interface Wall {
  /** Seconds as if the text were in UTC; with its offset taken off where it names one. */
  wall: string;
  micros: string;
  digits: string;
  /** The text names its offset. */
  isAbsolute: string;
}

function iso(text: string, scope: Scope): Wall {
  const plain = scope.name(
    `CASE WHEN regexp_full_match(${text}, ${PLAIN}) THEN epoch_us(TRY_CAST(${text} AS TIMESTAMP)) END`,
  );
  const micros = scope.name(rest(plain, MILLION));
  const isOther = scope.name(`CASE WHEN ${plain} IS NULL THEN regexp_full_match(${text}, ${ISO}) ELSE false END`);
  const clock = `CASE WHEN strlen(${text}) = 10 THEN '00:00:00' WHEN substring(${text}, 17, 1) = ':' THEN substring(${text}, 12, 8) ELSE substring(${text}, 12, 5) || ':00' END`;
  const cast = `TRY_CAST(left(${text}, 10) || ' ' || ${clock} AS TIMESTAMP)`;
  return {
    wall: scope.name(
      `CASE WHEN ${plain} IS NOT NULL THEN (${plain} - ${micros}) // ${MILLION} WHEN ${isOther} THEN ${seconds(cast)} - ${offsetOf(text)} END`,
    ),
    micros,
    digits: scope.name(
      `CASE WHEN ${isOther} AND strlen(${text}) > 20 THEN rtrim(regexp_extract(${text}, '[.,]([0-9]+)', 1), '0') END`,
    ),
    isAbsolute: `regexp_matches(substring(${text}, 14), '[ZzC+-]')`,
  };
}

function offsetOf(text: string): string {
  const found = `regexp_extract(substring(${text}, 14), '([+-][0-9]{2}):?([0-9]{2})?$', `;
  const sign = `CASE WHEN left(${found}1), 1) = '-' THEN -1 ELSE 1 END`;
  const hours = `CAST(substring(${found}1), 2) AS BIGINT)`;
  const minutes = `COALESCE(TRY_CAST(${found}2) AS BIGINT), 0)`;
  return `CASE WHEN regexp_matches(substring(${text}, 14), '[+-]') THEN ${sign} * (${hours} * 3600 + ${minutes} * 60) ELSE 0 END`;
}

/** With %n DuckDB counts nanoseconds (1677 to 2262), else microseconds; with %z the text names its offset. */
function byFormat(text: string, format: string, scope: Scope): Wall {
  const read = `try_strptime(${text}, ${literal(format)})`;
  const isFine = has(format, 'n');
  const unit = isFine ? 1_000 * MILLION : MILLION;
  const count = scope.name(isFine ? `epoch_ns(${read})` : `epoch_us(${read})`);
  const part = scope.name(rest(count, unit));
  return {
    wall: scope.name(`(${count} - ${part}) // ${unit}`),
    micros: isFine ? 'CAST(NULL AS BIGINT)' : part,
    digits: isFine
      ? scope.name(`CASE WHEN ${part} > 0 THEN rtrim(lpad(CAST(${part} AS VARCHAR), 9, '0'), '0') END`)
      : 'CAST(NULL AS VARCHAR)',
    isAbsolute: has(format, 'z') ? 'true' : 'false',
  };
}

/** What is left of a count of so many a second: never below 0. */
function rest(count: string, unit: number): string {
  return `((${count} % ${unit}) + ${unit}) % ${unit}`;
}

function has(format: string, specifier: string): boolean {
  return format.replaceAll('%%', '').includes(`%${specifier}`);
}
