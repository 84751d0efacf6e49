import { parseColumnType, type ColumnType } from '../manifest/columnType.js';
import { literal } from './names.js';

/** Values of an Enum8 that are numbered from 1. */
const MOST_ENUM8_VALUES = 127;

/**
 * A type as ClickHouse itself writes it, so that it equals what system.columns says. Values of an enum are numbered from 1
 * in their order: a new one at the end leaves the numbers of the others.
 */
export function typeText(type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
      return `${type.signed ? '' : 'U'}Int${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'decimal':
      return `Decimal(${type.precision}, ${type.scale})`;
    case 'string':
      return 'String';
    case 'fixedString':
      return `FixedString(${type.bytes})`;
    case 'bool':
      return 'Bool';
    case 'uuid':
      return 'UUID';
    case 'ip':
      return `IPv${type.version}`;
    case 'date':
      return type.wide ? 'Date32' : 'Date';
    case 'time':
      return type.digits === null
        ? `DateTime(${literal(type.zone)})`
        : `DateTime64(${type.digits}, ${literal(type.zone)})`;
    case 'enum':
      return `Enum${enumBits(type.values)}(${type.values.map((value, index) => `${literal(value)} = ${index + 1}`).join(', ')})`;
    case 'array':
      return `Array(${typeText(type.of)})`;
    case 'nullable':
      return `Nullable(${typeText(type.of)})`;
    case 'lowCardinality':
      return `LowCardinality(${typeText(type.of)})`;
  }
}

export function enumBits(values: readonly string[]): 8 | 16 {
  return values.length > MOST_ENUM8_VALUES ? 16 : 8;
}

/** One that ClickHouse wrote, with its numbers. */
const ENUM = /Enum(?:8|16)\(((?:'(?:[^'\\]|\\.)*' = -?\d+(?:, )?)+)\)/gs;
const NUMBERED_VALUE = /('(?:[^'\\]|\\.)*') = -?\d+/gs;

/**
 * Reads a type of a table that is there. Undefined for one that no manifest can declare, and for an enum with other numbers
 * than `typeText` gives.
 */
export function readTypeText(text: string): ColumnType | undefined {
  const type = parseColumnType(
    text.replaceAll(ENUM, (_, values: string) => `Enum8(${values.replaceAll(NUMBERED_VALUE, '$1')})`),
  );
  return type !== undefined && typeText(type) === text ? type : undefined;
}
