import type { ColumnType } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { landingColumns } from './columns.js';
import { identifier, literal } from './names.js';

/**
 * The identity of a row, a UInt128: SipHash-2-4 of 128 bits, with a key of zeros (sipHash128Reference), of one text, so that
 * it depends on nothing that ClickHouse does with several arguments. The text has `name=length:value` of each column of
 * the key that is not nothing, by name; lengths are bytes. Thus:
 *  - nothing differs from an empty text, and no value can look like two;
 *  - a new column that is nothing leaves the keys of the rows as they were, where all columns are the key, and the order of
 *    columns in the manifest means nothing;
 *  - a value has one text in all types that a column may be widened to: whole numbers in digits; decimals with 38 digits after
 *    the point; times as seconds since 1970 with nine digits after it, whatever their zone; dates as days; enums by their
 *    name; a FixedString without the zero bytes that fill it.
 *  - floats are told apart by their bits as Float64, which no release prints otherwise; -0 equals 0, and NaN equals NaN.
 * No setting and no default of a session changes it. It must never be written otherwise: rows are found again by it.
 */
export function keyExpression(manifest: Manifest, evolved: readonly string[] = []): string {
  const key = manifest.target.key === undefined ? undefined : new Set(manifest.target.key);
  const fields = landingColumns(manifest, evolved)
    .filter(({ name }) => key?.has(name) ?? true)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, type }) => {
      const value = valueText(type, identifier(name), 0);
      return `ifNull(concat(${literal(`${name}=`)}, ${lengthAndValue(value)}), '')`;
    });
  return `reinterpretAsUInt128(sipHash128Reference(concat('', ${fields.join(', ')})))`;
}

function lengthAndValue(text: string): string {
  return `toString(length(${text})), ':', ${text}`;
}

/** A String; NULL where the value is. */
function valueText(type: ColumnType, value: string, depth: number): string {
  switch (type.kind) {
    case 'nullable':
    case 'lowCardinality':
      return valueText(type.of, value, depth);
    case 'string':
    case 'integer':
    case 'uuid':
    case 'enum':
      return `toString(${value})`;
    case 'bool':
      return `toString(toUInt8(${value}))`;
    case 'float':
      return `multiIf(isNaN(${value}), 'nan', ${value} = 0, '0', toString(reinterpretAsUInt64(toFloat64(${value}))))`;
    case 'decimal':
      return `toDecimalString(${value}, 38)`;
    case 'fixedString':
      return `trimRight(toString(${value}), '\\0')`;
    case 'ip':
      return type.version === 4 ? `toString(toUInt32(${value}))` : `hex(${value})`;
    case 'date':
      return `toString(toInt32(${value}))`;
    case 'time':
      return type.digits === null
        ? `toDecimalString(toUInt32(${value}), 9)`
        : `toDecimalString(toDecimal128(${value}, 9), 9)`;
    case 'array':
      return arrayText(type.of, value, depth);
  }
}

/** `length:value` of each, `-` for nothing. */
function arrayText(of: ColumnType, value: string, depth: number): string {
  const element = `_${depth}`;
  const text = `ifNull(concat(${lengthAndValue(valueText(of, element, depth + 1))}), '-')`;
  return `arrayStringConcat(arrayMap(${element} -> ${text}, ${value}))`;
}
