import { expect, it, test } from 'vitest';
import {
  dayText,
  decimalText,
  fixed,
  germanNumber,
  germanTimes,
  isoText,
  isoTime,
  monthIn,
  uint32,
  unitsOf,
  wholeText,
} from '../../../system/datasets/index.js';

/** How the oracle reads values, by cases worked out by hand. */

it.each<[string, boolean, number, string | undefined]>([
  ['18446744073709551615', false, 64, '18446744073709551615'],
  ['18446744073709551616', false, 64, undefined],
  ['-9223372036854775808', true, 64, '-9223372036854775808'],
  ['-9223372036854775809', true, 64, undefined],
  ['-1', false, 64, undefined],
  ['+007', false, 16, '7'],
  ['1.5', false, 64, undefined],
  ['1e3', false, 64, undefined],
  ['', false, 64, undefined],
])('whole number: %s (signed: %s, %i bits)', (text, signed, bits, value) => {
  expect(wholeText(text, signed, bits)).toBe(value);
});

test('whole numbers of 32 bits are numbers', () => {
  expect([uint32('4294967295'), uint32('4294967296'), uint32('65536', 16)]).toEqual([4294967295, undefined, undefined]);
});

it.each<[string, number, number, string | undefined]>([
  ['19.9', 18, 2, '19.90'],
  ['19.900', 18, 2, '19.90'],
  ['19.999', 18, 2, undefined],
  ['-0.5', 18, 2, '-0.50'],
  ['-0', 18, 2, '0.00'],
  ['9999999999999999.99', 18, 2, '9999999999999999.99'],
  ['10000000000000000.00', 18, 2, undefined],
  ['0.0000000001', 38, 10, '0.0000000001'],
  ['1,5', 18, 2, undefined],
])('decimal: %s as Decimal(%i, %i)', (text, precision, scale, value) => {
  expect(decimalText(text, precision, scale)).toBe(value);
});

test('decimals are added as whole numbers of their last digit', () => {
  expect(fixed(unitsOf('19.90') - unitsOf('20.00'), 2)).toBe('-0.10');
  expect(fixed(12n, 0)).toBe('12');
});

it.each<[string, string | undefined]>([
  ['1.234,50', '1234.50'],
  ['1234,5', '1234.5'],
  ['1.234', '1234'],
  ['-0,99', '-0.99'],
  ['1,234.50', undefined],
  ['1.23,50', undefined],
  ['zwölf', undefined],
])('number as Germans write it: %s', (text, value) => {
  expect(germanNumber(text)).toBe(value);
});

it.each<[string, number | null, string | undefined]>([
  ['2026-09-01T12:00:00.123456789Z', 9, '2026-09-01T12:00:00.123456789Z'],
  ['2026-09-01 12:00:00.5', 3, '2026-09-01T12:00:00.500Z'],
  ['2026-09-01T00:30:00+02:00', null, '2026-08-31T22:30:00Z'],
  ['1969-12-31T23:59:59.5Z', 1, '1969-12-31T23:59:59.5Z'],
  ['2026-02-29T12:00:00Z', 3, undefined],
  ['2026-09-01T24:00:00Z', 3, undefined],
  ['2026-09-01', 3, undefined],
])('time: %s with %s digits', (text, digits, value) => {
  const ns = isoTime(text);
  expect(ns === undefined ? undefined : isoText(ns, digits)).toBe(value);
});

it.each<[string, string[] | undefined]>([
  ['01.07.2026 12:00', ['2026-07-01T10:00:00.000Z']],
  ['01.12.2026 12:00', ['2026-12-01T11:00:00.000Z']],
  ['29.03.2026 01:59', ['2026-03-29T00:59:00.000Z']],
  ['29.03.2026 02:30', []],
  ['29.03.2026 03:00', ['2026-03-29T01:00:00.000Z']],
  ['25.10.2026 02:30', ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']],
  ['25.10.2026 03:00', ['2026-10-25T02:00:00.000Z']],
  ['31.04.2026 12:00', undefined],
  ['1.4.2026 12:00', undefined],
])('time on a clock in Berlin: %s', (text, instants) => {
  expect(germanTimes(text, 'Europe/Berlin')?.map((ms) => new Date(ms).toISOString())).toEqual(instants);
});

test('a month is that of the clock in the zone', () => {
  const ms = Date.parse('2026-03-31T22:30:00Z');
  expect([monthIn(ms, 'Europe/Berlin'), monthIn(ms, 'UTC')]).toEqual(['202604', '202603']);
});

test('a day is one that there is, from 1900 to 2299', () => {
  const days = ['2000-02-29', '2100-02-29', '1899-12-31', '2299-12-31', '2300-01-01'];
  expect(days.map(dayText)).toEqual(['2000-02-29', undefined, undefined, '2299-12-31', undefined]);
});
