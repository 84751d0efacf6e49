import { literal } from '../staging/sql.js';
import { isKeyName } from './names.js';
import { countIn, figure, textIn, type Figures, type Reading, type Typed } from './reading.js';

type Point = '.' | ',';
type Group = '' | '.' | ',' | ' ' | "'";

const MOST_DIGITS = 38;
/** Of a decimal in 64 bits. */
const USUAL_DIGITS = 18;
/** Digits by which the whole part may still grow. */
const ROOM_DIGITS = 3;

/** What else is written between thousands in place of these. */
const GROUPS: Readonly<Record<string, string>> = { ' ': ' \u00a0\u2009\u202f', "'": "'\u2019" };

/** 0 and 1 are no and yes only where the name says so. */
const YES_OR_NO = /^(?:is|has|can|was|ist|hat)_|_(?:flag|yn)$|^(?:active|enabled|deleted|paid|valid|aktiv|bezahlt)$/;

const BIT: Reading = {
  are: '0 or 1',
  pattern: '[01]',
  figures: { values: 'count(DISTINCT v)' },
  propose: (figures, name) =>
    countIn(figures, 'values') === 2 && YES_OR_NO.test(name)
      ? { type: 'Bool', kind: 'bool', clean: [], notes: [] }
      : undefined,
};

const WHOLE_PATTERN = '-?(?:0|[1-9][0-9]*)';

/** A text with a zero before its number is no number: as one it would lose the zero. */
const WHOLE: Reading = {
  are: 'whole numbers',
  pattern: WHOLE_PATTERN,
  figures: wholeFigures('v'),
  isFinal: true,
  propose: proposeWhole,
};

/** Keys as data frames write them where some are missing: 17.0 */
const KEY_WITH_FRACTION: Reading = {
  are: 'whole numbers with .0',
  pattern: `${WHOLE_PATTERN}\\.0`,
  figures: wholeFigures("split_part(v, '.', 1)"),
  propose: (figures, name) => (isKeyName(name) ? proposeWhole(figures, name) : undefined),
};

function wholeFigures(digits: string): Reading['figures'] {
  return {
    least: `min(try_cast(${digits} AS HUGEINT))`,
    greatest: `max(coalesce(try_cast(${digits} AS UHUGEINT), 0))`,
    beyond: `count(*) FILTER (try_cast(${digits} AS HUGEINT) IS NULL AND try_cast(${digits} AS UHUGEINT) IS NULL)`,
    greatestBelow: `max(try_cast(${digits} AS HUGEINT))`,
  };
}

function proposeWhole(figures: Figures, name: string): Typed | undefined {
  if (countIn(figures, 'beyond') > 0) return undefined;
  const below = textIn(figures, 'greatestBelow');
  const isAllNegative = below !== undefined && BigInt(below) < 0n;
  const to = BigInt((isAllNegative ? below : textIn(figures, 'greatest')) ?? 0);
  return wholeType(BigInt(textIn(figures, 'least') ?? to), to, name);
}

/** Binary numbers, as programs write those that are very small or very large. */
const FLOAT: Reading = {
  are: 'numbers',
  point: '.',
  pattern: '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?',
  figures: {
    least: 'arg_min(v, try_cast(v AS DOUBLE))',
    greatest: 'arg_max(v, try_cast(v AS DOUBLE))',
    exponents: "count(*) FILTER (v ILIKE '%e%')",
  },
  propose: (figures) => {
    const [least, greatest] = [textIn(figures, 'least'), textIn(figures, 'greatest')];
    const exponents = countIn(figures, 'exponents');
    if (exponents === 0 || least === undefined || greatest === undefined) return undefined;
    const notes = [`${figure(exponents)} have an exponent: Float64 keeps some 15 digits of a number.`];
    return {
      type: 'Float64',
      kind: 'float',
      clean: [],
      notes,
      range: [least, greatest],
      isNegative: least.startsWith('-'),
    };
  },
};

/** In the order in which they are preferred: those that need the least cleaning come first. */
export const NUMBERS: readonly Reading[] = [
  ...[BIT, WHOLE, KEY_WITH_FRACTION, decimals('.', ''), decimals(',', '')],
  ...[
    decimals('.', ','),
    decimals(',', '.'),
    decimals('.', ' '),
    decimals(',', ' '),
    decimals('.', "'"),
    decimals(',', "'"),
  ],
  FLOAT,
];

/** Numbers as people write them. */
function decimals(point: Point, group: Group): Reading {
  const between = `[${GROUPS[group] ?? group}]`;
  const whole = group === '' ? '0|[1-9][0-9]*' : `[1-9][0-9]{0,2}(?:${between}[0-9]{3})+|0|[1-9][0-9]*`;
  const ungrouped = group === '' ? 'v' : `regexp_replace(v, ${literal(between)}, '', 'g')`;
  const plain = `replace(${ungrouped}, ${literal(point)}, '.')`;
  return {
    are: 'numbers',
    point,
    pattern: `-?(?:${whole})(?:${point === '.' ? '\\.' : ','}[0-9]+)?`,
    figures: {
      fractions: `count(*) FILTER (contains(v, ${literal(point)}))`,
      groups: group === '' ? '0' : `count(*) FILTER (regexp_matches(v, ${literal(between)}))`,
      whole: `max(length(ltrim(split_part(${plain}, '.', 1), '-')))`,
      scale: `max(length(split_part(${plain}, '.', 2)))`,
      least: `arg_min(v, try_cast(${plain} AS DOUBLE))`,
      greatest: `arg_max(v, try_cast(${plain} AS DOUBLE))`,
      leastWhole: `min(try_cast(split_part(${plain}, '.', 1) AS HUGEINT))`,
      greatestWhole: `max(try_cast(split_part(${plain}, '.', 1) AS HUGEINT))`,
    },
    propose: (figures, name) => decimalType(figures, name, point, group),
  };
}

function decimalType(figures: Figures, name: string, point: Point, group: Group): Typed | undefined {
  const isGrouped = countIn(figures, 'groups') > 0;
  const isFraction = countIn(figures, 'fractions') > 0;
  // Another reading says the same with less.
  if (group === '' ? !isFraction : !isGrouped) return undefined;
  if (group !== '' && !isFraction && (group === '.' || group === ',') && point === group) return undefined;
  const [whole, scale] = [countIn(figures, 'whole'), countIn(figures, 'scale')];
  const [least, greatest] = [textIn(figures, 'least'), textIn(figures, 'greatest')];
  if (whole + scale > MOST_DIGITS || least === undefined || greatest === undefined) return undefined;
  const settings = { ...(point === '.' ? {} : { decimal: point }), ...(group === '' ? {} : { group }) };
  const clean = point === '.' && group === '' ? [] : [{ number: settings }];
  if (!isFraction) {
    const type = wholeType(
      BigInt(textIn(figures, 'leastWhole') ?? 0),
      BigInt(textIn(figures, 'greatestWhole') ?? 0),
      name,
    );
    return type && { ...type, clean, range: [least, greatest] };
  }
  const precision = whole + ROOM_DIGITS + scale <= USUAL_DIGITS ? USUAL_DIGITS : MOST_DIGITS;
  return {
    ...{ type: `Decimal(${precision}, ${scale})`, kind: 'decimal', clean },
    notes: scaleNotes(scale, precision),
    ...{ range: [least, greatest], isNegative: least.startsWith('-') },
  };
}

function scaleNotes(scale: number, precision: number): string[] {
  const digits = `At most ${scale} ${scale === 1 ? 'digit' : 'digits'} after the point: a value with more is set aside.`;
  return precision === MOST_DIGITS && scale > 6
    ? [digits, 'If these are measurements, Float64 is half as large and rounds.']
    : [digits];
}

const MOST_UNSIGNED = 2n ** 64n - 1n;
const MOST_SIGNED = 2n ** 63n - 1n;

/** 64 bits, as compression makes nothing of those that are not used; keys have no sign, and sums may get one. */
function wholeType(from: bigint, to: bigint, name: string): Typed | undefined {
  const notes =
    to > MOST_SIGNED || from < -MOST_SIGNED - 1n
      ? ['Beyond what most programs take for a whole number: 64 bits with a sign.']
      : [];
  const range = [figure(from), figure(to)] as const;
  const typed = (type: string): Typed => ({ type, kind: 'integer', clean: [], notes, range, isNegative: from < 0n });
  if (from >= 0n && to <= MOST_UNSIGNED && (to > MOST_SIGNED || isKeyName(name))) return typed('UInt64');
  if (from >= -MOST_SIGNED - 1n && to <= MOST_SIGNED) return typed('Int64');
  if (from >= 0n) return typed('UInt128');
  return to < 2n ** 127n && from >= -(2n ** 127n) ? typed('Int128') : undefined;
}
