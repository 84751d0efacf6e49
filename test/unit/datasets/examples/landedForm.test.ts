import { query } from 'chdb';
import { expect, test } from 'vitest';
import {
  dayText,
  decimalText,
  germanTimes,
  isoText,
  isoTime,
  JSON_FORM,
  wholeText,
  type LandedRow,
} from '../../../system/datasets/index.js';

/** The values of the oracle have the form in which ClickHouse tells a table. */
test('what ClickHouse tells of a row with JSON_FORM is what the oracle says', () => {
  const time = (text: string, digits: number | null): string => isoText(isoTime(text) ?? 0n, digits);
  const [berlin = 0] = germanTimes('25.10.2026 02:30', 'Europe/Berlin') ?? [];
  const values: [string, LandedRow[string] | undefined][] = [
    [`toUInt64('18446744073709551615')`, wholeText('18446744073709551615', false, 64)],
    [`toInt64('-9223372036854775808')`, wholeText('-9223372036854775808', true, 64)],
    [`toUInt32(7)`, 7],
    [`toDecimal64('1234.5', 2)`, decimalText('1234.5', 18, 2)],
    [`toDecimal64('-0.05', 2)`, decimalText('-0.05', 18, 2)],
    [`toDecimal128('1234567890123456789012345678.0123456789', 10)`, '1234567890123456789012345678.0123456789'],
    [`toDateTime64('2026-09-01 12:00:00.123456789', 9, 'UTC')`, time('2026-09-01T12:00:00.123456789Z', 9)],
    [`toDateTime64('2026-09-01 12:00:00.5', 3, 'Europe/Berlin')`, time('2026-09-01T12:00:00.5+02:00', 3)],
    [`toDateTime64('1969-12-31 23:59:59.5', 3, 'UTC')`, time('1969-12-31T23:59:59.5Z', 3)],
    [`toDateTime(${berlin / 1000}, 'Europe/Berlin')`, isoText(BigInt(berlin) * 1_000_000n, null)],
    [`toDate32('1969-12-31')`, dayText('1969-12-31')],
    [`true`, true],
    [`toFloat64('86399999.999')`, 86399999.999],
    [`toFloat32(0.51171875)`, 0.51171875],
    [`toUUID('0189ABCD-0000-4000-A000-000000000001')`, '0189abcd-0000-4000-a000-000000000001'],
    [`toIPv4('10.0.0.1')`, '10.0.0.1'],
    [`[toInt64(1), toInt64(-9223372036854775808)]`, ['1', '-9223372036854775808']],
    [`['', 'line\\nfeed', 'a/b "q"']`, ['', 'line\nfeed', 'a/b "q"']],
    [`CAST(NULL AS Nullable(String))`, null],
  ];
  const settings = Object.entries(JSON_FORM).map(
    ([name, value]) => `${name} = ${typeof value === 'string' ? `'${value}'` : value}`,
  );
  const columns = values.map(([expression], at) => `${expression} AS c${at}`);
  const told = query(`SELECT ${columns.join(', ')} SETTINGS ${settings.join(', ')}`, 'JSONEachRow');
  expect(JSON.parse(told)).toEqual(Object.fromEntries(values.map(([, value], at) => [`c${at}`, value])));
});
