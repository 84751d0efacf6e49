import { literal } from '../staging/sql.js';
import { countIn, figure, textIn, type Figures, type Reading, type Typed } from './reading.js';

/** What Date32 and DateTime64 hold. */
const FIRST = '1900-01-01';
const LAST = '2299-12-31';
/** DateTime holds whole seconds up to 2106; a sample is not the last that comes. */
const FIRST_SECOND = '1970-01-02';
const LAST_SECOND = '2100-01-01';
const FIRST_NANOSECOND = '1900-01-01';
const LAST_NANOSECOND = '2262-01-01';

const ISO_DATE: Reading = {
  are: 'dates',
  pattern: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  valid: 'try_cast(v AS DATE) IS NOT NULL',
  figures: { least: 'min(try_cast(v AS DATE))', greatest: 'max(try_cast(v AS DATE))' },
  isFinal: true,
  propose: (figures) => dateType(figures),
};

const ISO_TIME: Reading = {
  are: 'times',
  pattern:
    '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]{1,9})?)?(?:Z|[-+][0-9]{2}(?::?[0-9]{2})?)?',
  valid: 'try_cast(v AS TIMESTAMPTZ) IS NOT NULL',
  figures: {
    least: 'min(try_cast(v AS TIMESTAMPTZ))',
    greatest: 'max(try_cast(v AS TIMESTAMPTZ))',
    digits: "max(length(regexp_extract(v, '\\.([0-9]+)', 1)))",
    zoned: "count(*) FILTER (regexp_matches(v, '(?:Z|[-+][0-9]{2}(?::?[0-9]{2})?)$'))",
    values: 'count(v)',
  },
  isFinal: true,
  propose: (figures) => timeType(figures),
};

/** Dates with their day, month and year; `[0-9]` parts are as strptime of DuckDB reads them. */
const DATES: readonly [format: string, pattern: string][] = [
  ['%d.%m.%Y', '[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{4}'],
  ['%d.%m.%y', '[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{2}'],
  ['%d/%m/%Y', '[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}'],
  ['%m/%d/%Y', '[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}'],
  ['%d-%m-%Y', '[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}'],
  ['%m-%d-%Y', '[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}'],
  ['%Y/%m/%d', '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}'],
  ['%Y.%m.%d', '[0-9]{4}\\.[0-9]{1,2}\\.[0-9]{1,2}'],
  ['%d %b %Y', '[0-9]{1,2} [A-Za-z]{3} [0-9]{4}'],
  ['%d-%b-%Y', '[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}'],
  ['%b %d, %Y', '[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}'],
];
const CLOCKS: readonly [format: string, pattern: string][] = [
  ['', ''],
  [' %H:%M', ' [0-9]{1,2}:[0-9]{2}'],
  [' %H:%M:%S', ' [0-9]{1,2}:[0-9]{2}:[0-9]{2}'],
  [' %I:%M %p', ' [0-9]{1,2}:[0-9]{2} [AaPp][Mm]'],
  [' %I:%M:%S %p', ' [0-9]{1,2}:[0-9]{2}:[0-9]{2} [AaPp][Mm]'],
];
const COMPACT = '%Y%m%d';

/** Eight digits are a date where the name says so. */
const COMPACT_DATE: Reading = {
  ...written(COMPACT, '(?:19|20)[0-9]{6}', false),
  propose: (figures, name) =>
    /(?:^|_)(?:date|day|dt|datum|tag|am|on|at)(?:_|$)/.test(name) ? dateType(figures, COMPACT) : undefined,
};

/** ISO comes first, as it needs no cleaning. To be tried before numbers, as eight digits may be a date. */
export const TIMES: readonly Reading[] = [
  ISO_DATE,
  ISO_TIME,
  ...DATES.flatMap(([date, datePattern]) =>
    CLOCKS.map(([clock, clockPattern]) => written(`${date}${clock}`, `${datePattern}${clockPattern}`, clock !== '')),
  ),
  COMPACT_DATE,
];

function written(format: string, pattern: string, hasClock: boolean): Reading {
  const parsed = `try_strptime(v, ${literal(format)})`;
  return {
    are: hasClock ? 'times' : 'dates',
    pattern,
    valid: `${parsed} IS NOT NULL`,
    format,
    figures: {
      ...{ least: `min(${parsed}${hasClock ? '' : '::DATE'})`, greatest: `max(${parsed}${hasClock ? '' : '::DATE'})` },
      ...{ values: 'count(v)', example: 'any_value(v)' },
    },
    propose: (figures) => (hasClock ? timeType(figures, format) : dateType(figures, format)),
  };
}

function dateType(figures: Figures, format?: string): Typed | undefined {
  const [least, greatest, example] = ['least', 'greatest', 'example'].map((name) => textIn(figures, name));
  if (least === undefined || greatest === undefined || !isWithin(least, greatest, FIRST, LAST)) return undefined;
  const notes = format?.endsWith('%y') === true ? ['Years of two digits: 69 to 99 are of the last century.'] : [];
  return { type: 'Date32', kind: 'date', ...steps(format, example), notes, range: [least, greatest] };
}

function timeType(figures: Figures, format?: string): Typed | undefined {
  const [least, greatest, example] = ['least', 'greatest', 'example'].map((name) => textIn(figures, name));
  const digits = countIn(figures, 'digits');
  if (least === undefined || greatest === undefined) return undefined;
  const isFine = digits > 6;
  if (!isWithin(least, greatest, isFine ? FIRST_NANOSECOND : FIRST, isFine ? LAST_NANOSECOND : LAST)) return undefined;
  const isSecond = digits === 0 && isWithin(least, greatest, FIRST_SECOND, LAST_SECOND);
  const type = isSecond ? "DateTime('UTC')" : `DateTime64(${digits === 0 ? 0 : Math.ceil(digits / 3) * 3}, 'UTC')`;
  return {
    type,
    kind: 'time',
    ...steps(format, example),
    notes: zoneNotes(figures),
    range: [toSeconds(least), toSeconds(greatest)],
  };
}

/** Without fraction and zone, which is UTC. */
function toSeconds(time: string): string {
  return time.slice(0, 19);
}

function zoneNotes(figures: Figures): string[] {
  const values = countIn(figures, 'values');
  const unzoned = values - countIn(figures, 'zoned');
  if (unzoned === 0) return [];
  const who = unzoned === values ? 'They name' : `${figure(unzoned)} name`;
  return [
    `${who} no time zone and are taken as UTC: if they are local, put their zone in its place, like 'Europe/Berlin'.`,
  ];
}

function steps(format: string | undefined, example: string | undefined): Pick<Typed, 'clean' | 'example'> {
  return format === undefined ? { clean: [] } : { clean: [{ time: { format } }], example: example ?? format };
}

/** Years of five digits, and those before Christ, sort elsewhere, and are beyond anyway. */
function isWithin(least: string, greatest: string, first: string, last: string): boolean {
  return [least, greatest].every((time) => /^\d{4}-[^()]*$/.test(time) && time >= first && time.slice(0, 10) <= last);
}
