import type { Scope } from '../pipeline.js';
import { identifier, literal } from '../sql.js';
import type { Reading, TimeReading } from './family.js';

const DAY_SECONDS = 86_400;
/** Days are counted from 1860-06-25 on, so that no count of the years that types hold is below 0. */
const FIRST_DAY = -40_000;
/** The end of 2299. */
const LAST_DAY = 120_530;

/**
 * Seconds since 1970 in UTC of a time by the clocks of a zone; `wall` is that time's seconds as if it were UTC. A change
 * of the clocks leaves out times (a gap) or makes them come twice (an overlap), by 30 minutes in Lord Howe and by whole
 * days at the date line. The offset before a change is that of the day before; two changes in a day there are none.
 */
export function inZone(wall: string, shown: string, { zone, gap, overlap }: TimeReading, scope: Scope): Reading {
  const day = `(${wall} - ${FIRST_DAY * DAY_SECONDS}) // ${DAY_SECONDS}`;
  // On nearly every day the clocks are not changed: its offset is looked up, which costs a tenth of asking ICU.
  const steady = scope.lookUp?.(zoneTable(zone), { sql: day, column: 'day' }, 'seconds') ?? 'NULL';
  // ICU takes a time that comes twice as the later one.
  const later = scope.name(
    `CASE WHEN ${steady} IS NULL THEN ${seconds(`timezone(${literal(zone)}, ${timestamp(wall)})`)} END`,
  );
  const offset = `(${wall} - ${later})`;
  const before = scope.name(`${local(`${later} - ${DAY_SECONDS}`, zone)} - (${later} - ${DAY_SECONDS})`);
  const isGap = scope.name(`${local(later, zone)} <> ${wall}`);
  const earlier = `(${wall} - ${before})`;
  const isTwice = scope.name(
    `CASE WHEN ${isGap} OR ${before} <= ${offset} THEN false ELSE ${local(earlier, zone)} = ${wall} END`,
  );
  const inGap = gap === 'later' ? earlier : 'NULL';
  const inOverlap = { quarantine: 'NULL', earlier, later }[overlap];
  return {
    value: scope.name(
      `CASE WHEN ${steady} IS NOT NULL THEN ${wall} - ${steady} WHEN ${isGap} THEN ${inGap} WHEN ${isTwice} THEN ${inOverlap} ELSE ${later} END`,
    ),
    why: `CASE WHEN ${isGap} THEN concat(${shown}, ${literal(` is a time that the change to summer time in ${zone} leaves out`)}) ELSE concat(${shown}, ${literal(` comes twice in ${zone}, where summer time ends`)}) END`,
  };
}

/** Makes the table that inZone looks offsets up in: of the days, by a zone's clocks, on and around which none changes. */
export function createZoneTable(zone: string): string {
  const midnight = `(day + ${FIRST_DAY}) * ${DAY_SECONDS}`;
  const offsets = `SELECT day, ${local(midnight, zone)} - ${midnight} AS seconds FROM range(0, ${LAST_DAY - FIRST_DAY + 2}) days(day)`;
  const around = [-2, -1, 1, 2].map((days) => `lag(seconds, ${days}) OVER (ORDER BY day) = seconds`).join(' AND ');
  return `CREATE TABLE IF NOT EXISTS ${zoneTable(zone)} AS SELECT day, seconds FROM (SELECT *, ${around} AS steady FROM (${offsets})) WHERE steady`;
}

function zoneTable(zone: string): string {
  return identifier(`zone ${zone}`);
}

export function isUtc(zone: string): boolean {
  return /^(?:Etc\/)?(?:UTC|UCT|Universal|Zulu|GMT|Greenwich)$/.test(zone);
}

/** Seconds since 1970 of a TIMESTAMP or a TIMESTAMPTZ without a fraction. */
export function seconds(timestamp: string): string {
  return `epoch_us(${timestamp}) // 1000000`;
}

function timestamp(seconds: string): string {
  return `make_timestamp((${seconds}) * 1000000)`;
}

/** What the clocks of a zone show at a second in UTC. */
function local(utc: string, zone: string): string {
  return `(${seconds(`timezone(${literal(zone)}, make_timestamptz((${utc}) * 1000000))`)})`;
}
