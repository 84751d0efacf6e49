import type { ColumnType } from '../../manifest/columnType.js';
import type { Family } from './family.js';

const NUMBER = "'[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{1,2})?'";

/** Digits with a point and a sign or without, and an exponent of two digits at most. */
export function decimals({ precision, scale }: Extract<ColumnType, { kind: 'decimal' }>): Family {
  const valueType = `DECIMAL(${precision}, ${scale})`;
  const clickHouse = `Decimal(${precision}, ${scale})`;
  const text = (value: string): string => `CAST(${value} AS VARCHAR)`;
  const short = `'[+-]?[0-9]+${scale === 0 ? '' : `(?:[.][0-9]{1,${scale}})?`}'`;
  return {
    valueType,
    read(from, shown, scope) {
      // The cast alone rounds; what it gives back unchanged has all its digits.
      const cast = scope.name(`TRY_CAST(${from} AS ${valueType})`);
      const isExact = scope.name(`${text(cast)} = ${from}`);
      // Most that are written with fewer digits, like 12.5, can be told by one look.
      const isShort = scope.name(`CASE WHEN ${isExact} THEN false ELSE regexp_full_match(${from}, ${short}) END`);
      const plain = scope.name(
        `CASE WHEN ${isShort} THEN ${from} WHEN ${isExact} OR NOT regexp_full_match(${from}, ${NUMBER}) THEN NULL ELSE ${withoutExponent(from)} END`,
      );
      const fits = `regexp_full_match(${plain}, '[+-]?[0-9]*(?:[.][0-9]{0,${scale}}0*)?')`;
      const cut = `regexp_extract(${plain}, '^[+-]?[0-9]*(?:[.][0-9]{0,${scale}})?')`;
      const value = scope.name(
        `CASE WHEN ${isExact} OR ${isShort} THEN ${cast} WHEN ${fits} THEN ${castOf(cut, valueType)} END`,
      );
      const why = `CASE WHEN ${plain} IS NULL THEN concat(${shown}, ' is no number') WHEN ${fits} THEN concat(${shown}, ' has more digits before the point than ${clickHouse}') ELSE concat(${shown}, ' has more digits after the point than ${clickHouse}') END`;
      return { value, why };
    },
    seen: (value) => value,
    seenType: valueType,
    text,
    carried: (value) => value,
    structure: clickHouse,
    select: (column) => column,
  };
}

/** '.' and '-.' are what is left of .5 where the scale is 0. */
function castOf(number: string, type: string): string {
  return `TRY_CAST(regexp_replace(${number}, '^([+-]?)[.]?$', '\\10') AS ${type})`;
}

/** The same number without its exponent: the point moves, no digit is lost. */
function withoutExponent(number: string): string {
  const exponent = `CAST(regexp_extract(${number}, '[eE]([+-]?[0-9]+)$', 1) AS INTEGER)`;
  const sign = `regexp_extract(${number}, '^[+-]')`;
  const whole = `regexp_extract(${number}, '^[+-]?([0-9]*)', 1)`;
  const fraction = `regexp_extract(${number}, '[.]([0-9]*)', 1)`;
  const digits = `${whole} || ${fraction}`;
  const point = `(strlen(${whole}) + ${exponent})`;
  const moved = `CASE WHEN ${point} <= 0 THEN '0.' || repeat('0', -${point}) || ${digits} ELSE left(rpad(${digits}, greatest(${point}, strlen(${digits}))::INTEGER, '0'), ${point}) || '.' || substring(${digits}, ${point} + 1) END`;
  return `CASE WHEN regexp_matches(${number}, '[eE]') THEN ${sign} || ${moved} ELSE ${number} END`;
}
