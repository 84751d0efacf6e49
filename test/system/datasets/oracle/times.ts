const SECOND_NS = 1_000_000_000n;
const DAY_MS = 86_400_000;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?$/;
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const GERMAN = /^(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d)$/;

/** Nanoseconds since 1970 in UTC of a time as ISO 8601 writes it; without a zone it is UTC. Undefined for what is none. */
export function isoTime(text: string): bigint | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, , , , , , , fraction = '', sign = '+', hours = '0', minutes = '0'] = match;
  const wall = wallMs(match.slice(1, 7).map(Number));
  if (wall === undefined) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return BigInt(wall - offsetMs) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** All instants, in milliseconds, at which a clock in the zone shows dd.mm.yyyy hh:mm: none in a gap, two in an overlap. */
export function germanTimes(text: string, zone: string): number[] | undefined {
  const [, day = '', month = '', year, hours = '', minutes = ''] = GERMAN.exec(text) ?? [];
  if (year === undefined) return undefined;
  const wall = wallMs([year, month, day, hours, minutes, '0'].map(Number));
  return wall === undefined ? undefined : instants(wall, zone);
}

/** As ClickHouse writes it with date_time_output_format = 'iso'; digits of a fraction, null: DateTime. */
export function isoText(ns: bigint, digits: number | null): string {
  const seconds = ns >= 0n ? ns / SECOND_NS : -((-ns + SECOND_NS - 1n) / SECOND_NS);
  const whole = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  const fraction = (ns - seconds * SECOND_NS)
    .toString()
    .padStart(9, '0')
    .slice(0, digits ?? 0);
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** A day that there is, as yyyy-mm-dd; Date32 holds 1900 to 2299. */
export function dayText(text: string): string | undefined {
  const [, year, month = '', day = ''] = DAY.exec(text) ?? [];
  if (year === undefined || Number(year) < 1900 || Number(year) > 2299) return undefined;
  return wallMs([year, month, day, '0', '0', '0'].map(Number)) === undefined ? undefined : text;
}

/** yyyymm of an instant on a clock in the zone, as toYYYYMM of a column with that zone. */
export function monthIn(ms: number, zone: string): string {
  return new Date(ms + offsetMs(ms, zone)).toISOString().slice(0, 7).replace('-', '');
}

/** Milliseconds of a clock's reading as if it was UTC; undefined for one that no clock shows. */
function wallMs([year = NaN, month = NaN, day = NaN, hours = NaN, minutes = NaN, seconds = NaN]: readonly number[]):
  number | undefined {
  const ms = Date.UTC(year, month - 1, day, hours, minutes, seconds);
  const shown = new Date(ms);
  const isReal =
    shown.getUTCMonth() === month - 1 &&
    shown.getUTCDate() === day &&
    shown.getUTCHours() === hours &&
    shown.getUTCMinutes() === minutes &&
    shown.getUTCSeconds() === seconds;
  return isReal ? ms : undefined;
}

/** With the offsets of the day before and the day after: a zone changes at most once in between. */
function instants(wall: number, zone: string): number[] {
  const offsets = new Set([offsetMs(wall - DAY_MS, zone), offsetMs(wall + DAY_MS, zone)]);
  return [...offsets]
    .filter((offset) => offsetMs(wall - offset, zone) === offset)
    .map((offset) => wall - offset)
    .sort((a, b) => a - b);
}

/** Clocks change at full quarters of an hour. */
const QUARTER_MS = 900_000;
const OFFSETS = new Map<string, number>();

/** How far a clock in the zone is ahead of UTC. Intl takes its time, so each quarter of an hour is asked for once. */
function offsetMs(ms: number, zone: string): number {
  const quarter = Math.floor(ms / QUARTER_MS);
  const known = OFFSETS.get(`${zone} ${quarter}`);
  if (known !== undefined) return known;
  const { year, month, day, hour, minute } = clock(quarter * QUARTER_MS, zone);
  const wall = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
  OFFSETS.set(`${zone} ${quarter}`, wall - quarter * QUARTER_MS);
  return wall - quarter * QUARTER_MS;
}

const CLOCKS = new Map<string, Intl.DateTimeFormat>();

function clock(ms: number, zone: string): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  const format =
    CLOCKS.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
      ...{ hour: '2-digit', minute: '2-digit' },
    });
  CLOCKS.set(zone, format);
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}
