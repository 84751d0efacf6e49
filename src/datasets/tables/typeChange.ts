import { bareType, isNullable, type ColumnType } from '../manifest/columnType.js';
import { enumBits } from './columnTypes.js';

/**
 * What a change of a column's type does to the rows that are there: nothing is lost by any but `refused`. `keyed`: values keep
 * their order and their hash, so that ClickHouse allows it also for columns that a table is sorted or partitioned by.
 * `rekeyed`: what comes again from the source is another value, with another key.
 */
export type TypeChange = { kind: 'same' | 'keyed' | 'rewrite' | 'rekeyed' } | { kind: 'refused'; why: string };

/** With 9 of them a DateTime64 ends in 2262, with fewer in 2299. */
const MOST_WIDENED_DIGITS = 8;

/** Whether all values of one type have the same meaning in another, and, but for `rekeyed`, the same text in `keyExpression`. */
export function typeChange(from: ColumnType, to: ColumnType): TypeChange {
  const change = ofBare(bareType(from), bareType(to));
  if (change.kind === 'refused') return change;
  if (isNullable(from) && !isNullable(to)) return refused('rows may hold nothing in it');
  if (change.kind === 'rekeyed') return change;
  if (isNullable(from) !== isNullable(to)) return { kind: 'rewrite' };
  if ((from.kind === 'lowCardinality') === (to.kind === 'lowCardinality')) return change;
  return { kind: change.kind === 'same' && bareType(to).kind === 'string' ? 'keyed' : 'rewrite' };
}

type Of<Kind extends ColumnType['kind']> = ColumnType & { kind: Kind };

function ofBare(from: ColumnType, to: ColumnType): TypeChange {
  if (from.kind === 'integer' && to.kind === 'integer') return ofInteger(from, to);
  if (from.kind === 'decimal' && to.kind === 'decimal') return ofDecimal(from, to);
  if (from.kind === 'float' && to.kind === 'float') return ofFloat(from, to);
  if (from.kind === 'date' && to.kind === 'date') return widened(Number(to.wide) - Number(from.wide));
  if (from.kind === 'time' && to.kind === 'time') return ofTime(from, to);
  if (from.kind === 'enum' && to.kind === 'enum') return ofEnum(from.values, to.values);
  if (from.kind === 'enum' && to.kind === 'string') return { kind: 'rewrite' };
  if (from.kind === 'array' && to.kind === 'array') return typeChange(from.of, to.of);
  if (from.kind === 'fixedString' && to.kind === 'fixedString' && from.bytes === to.bytes) return { kind: 'same' };
  if (from.kind === 'ip' && to.kind === 'ip' && from.version === to.version) return { kind: 'same' };
  const isPlain = from.kind === 'string' || from.kind === 'bool' || from.kind === 'uuid';
  return isPlain && from.kind === to.kind ? { kind: 'same' } : refused('it is another kind of value');
}

function ofInteger(from: Of<'integer'>, to: Of<'integer'>): TypeChange {
  if (from.signed === to.signed) return widened(to.bits - from.bits);
  return widened(to.signed && to.bits > from.bits ? 1 : -1);
}

function ofFloat(from: Of<'float'>, to: Of<'float'>): TypeChange {
  return to.bits > from.bits ? { kind: 'rekeyed' } : widened(to.bits - from.bits);
}

function ofDecimal(from: Of<'decimal'>, to: Of<'decimal'>): TypeChange {
  const before = to.precision - to.scale - (from.precision - from.scale);
  const after = to.scale - from.scale;
  return widened(before < 0 || after < 0 ? -1 : before + after);
}

/** The moment stays when the zone changes, and so does what is stored: it is only shown in another. */
function ofTime(from: Of<'time'>, to: Of<'time'>): TypeChange {
  if (from.digits === to.digits) return { kind: from.zone === to.zone ? 'same' : 'rewrite' };
  if (from.digits !== null && (to.digits ?? 0) > MOST_WIDENED_DIGITS)
    return refused(`with 9 digits times end in 2262; take ${MOST_WIDENED_DIGITS} at most`);
  return widened((to.digits ?? -1) - (from.digits ?? -1));
}

function ofEnum(from: readonly string[], to: readonly string[]): TypeChange {
  const missing = from.find((value) => !to.includes(value));
  if (missing !== undefined) return refused(`rows may hold '${missing}', which it has no more`);
  if (!from.every((value, index) => to[index] === value))
    return refused('values are numbered in their order; write new ones after those that are there');
  if (to.length === from.length) return { kind: 'same' };
  return { kind: enumBits(from) === enumBits(to) ? 'keyed' : 'rewrite' };
}

/** By how much more there is room for. */
function widened(by: number): TypeChange {
  if (by === 0) return { kind: 'same' };
  return by > 0 ? { kind: 'rewrite' } : refused('values that are there may not fit');
}

function refused(why: string): TypeChange {
  return { kind: 'refused', why };
}
