import { describe, expect, it, test } from 'vitest';
import { bareType, isNullable, parseColumnType } from '../../../src/datasets/manifest/columnType.js';

describe('a type of a column', () => {
  it.each([
    ['UInt64', { kind: 'integer', signed: false, bits: 64 }],
    ['Int128', { kind: 'integer', signed: true, bits: 128 }],
    ['Decimal(38, 10)', { kind: 'decimal', precision: 38, scale: 10 }],
    ['FixedString(3)', { kind: 'fixedString', bytes: 3 }],
    ['Date32', { kind: 'date', wide: true }],
    ['DateTime', { kind: 'time', digits: null, zone: 'UTC' }],
    ["DateTime64(9, 'Europe/Berlin')", { kind: 'time', digits: 9, zone: 'Europe/Berlin' }],
    ["Enum8('open', 'it''s')", undefined],
    ["Enum8('open', 'it\\'s')", { kind: 'enum', values: ['open', "it's"] }],
    ['LowCardinality(Nullable(String))', { kind: 'lowCardinality', of: { kind: 'nullable', of: { kind: 'string' } } }],
    ['Array(Array(Float64))', { kind: 'array', of: { kind: 'array', of: { kind: 'float', bits: 64 } } }],
    [' Nullable( UUID ) ', { kind: 'nullable', of: { kind: 'uuid' } }],
  ])('%s is read', (text, type) => {
    expect(parseColumnType(text)).toEqual(type);
  });

  it.each([
    ...[
      '',
      'Text',
      'uint64',
      'Int256',
      'Decimal(39, 2)',
      'Decimal(4, 5)',
      'Decimal(4)',
      'DateTime64',
      'DateTime64(10)',
    ],
    ...[
      "DateTime('Mars/Base')",
      'Map(String, String)',
      'JSON',
      'Nullable(Array(String))',
      'Nullable(Nullable(String))',
    ],
    ...['LowCardinality(UInt8)', "Enum8('a', 'a')", 'Enum8()', 'Array()', 'FixedString(0)', 'String)', 'constructor'],
    'Array(Array(Array(Array(Array(Int8)))))',
  ])('%j is refused', (text) => {
    expect(parseColumnType(text)).toBeUndefined();
  });
});

test('what only says how a value is stored is left out, and whether it may be none is known', () => {
  const type = parseColumnType('LowCardinality(Nullable(String))');
  if (type === undefined) throw new Error('it is a type');
  expect(bareType(type)).toEqual({ kind: 'string' });
  expect(isNullable(type)).toBe(true);
});
