import { isIPv4, isIPv6 } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, readAs } from './stage.js';

/** [text, what is carried, or why not] */
type Case = readonly [string, string];

const two = (exponent: number): bigint => 2n ** BigInt(exponent);
const nines = '9'.repeat(38);

const CASES: Record<string, readonly Case[]> = {
  Int8: [
    ['127', '127'],
    ['-128', '-128'],
    ['+5', '5'],
    ['007', '7'],
    ['-0', '0'],
    ['5.000', '5'],
    ['128', "! v: '128' is not between -128 and 127, which Int8 holds"],
    ['-129', "! v: '-129' is not between -128 and 127, which Int8 holds"],
    ['1.5', "! v: '1.5' is no whole number"],
    ['1e2', "! v: '1e2' is no whole number"],
    ['1_0', "! v: '1_0' is no whole number"],
    ['0x1F', "! v: '0x1F' is no whole number"],
    [' 1', "! v: ' 1' is no whole number"],
    ['1 ', "! v: '1 ' is no whole number"],
    ['5.', "! v: '5.' is no whole number"],
    ['--1', "! v: '--1' is no whole number"],
    ['true', "! v: 'true' is no whole number"],
    ['٣', "! v: '٣' is no whole number"],
  ],
  UInt8: [
    ['255', '255'],
    ['256', "! v: '256' is not between 0 and 255, which UInt8 holds"],
    ['-1', "! v: '-1' is not between 0 and 255, which UInt8 holds"],
  ],
  Int64: [
    [String(two(63) - 1n), String(two(63) - 1n)],
    [String(-two(63)), String(-two(63))],
    [`${two(63) - 1n}.0`, String(two(63) - 1n)],
    [String(two(63)), `! v: '${two(63)}' is not between ${-two(63)} and ${two(63) - 1n}, which Int64 holds`],
    [`${two(63) - 1n}.4`, `! v: '${two(63) - 1n}.4' is no whole number`],
  ],
  UInt64: [
    [String(two(64) - 1n), String(two(64) - 1n)],
    [String(two(64)), `! v: '${two(64)}' is not between 0 and ${two(64) - 1n}, which UInt64 holds`],
  ],
  Int128: [
    [String(two(127) - 1n), String(two(127) - 1n)],
    [String(-two(127)), String(-two(127))],
    [`+${'0'.repeat(50)}${two(127) - 1n}`, String(two(127) - 1n)],
    [`${two(127) - 1n}.00`, String(two(127) - 1n)],
    [String(two(127)), `! v: '${two(127)}' is not between ${-two(127)} and ${two(127) - 1n}, which Int128 holds`],
  ],
  UInt128: [
    [String(two(128) - 1n), String(two(128) - 1n)],
    [String(two(128)), `! v: '${two(128)}' is not between 0 and ${two(128) - 1n}, which UInt128 holds`],
  ],
  'Decimal(18, 2)': [
    ['12.34', '12.34'],
    ['-12.3', '-12.30'],
    ['12', '12.00'],
    ['12.3400000', '12.34'],
    ['.5', '0.50'],
    ['5.', '5.00'],
    ['+1', '1.00'],
    ['1.25e1', '12.50'],
    ['125E-1', '12.50'],
    ['1e15', '1000000000000000.00'],
    ['9999999999999999.99', '9999999999999999.99'],
    ['12.345', "! v: '12.345' has more digits after the point than Decimal(18, 2)"],
    ['1e-3', "! v: '1e-3' has more digits after the point than Decimal(18, 2)"],
    ['1.005', "! v: '1.005' has more digits after the point than Decimal(18, 2)"],
    ['10000000000000000', "! v: '10000000000000000' has more digits before the point than Decimal(18, 2)"],
    ['9999999999999999.995', "! v: '9999999999999999.995' has more digits after the point than Decimal(18, 2)"],
    ['1e99', "! v: '1e99' has more digits before the point than Decimal(18, 2)"],
    ['.', "! v: '.' is no number"],
    ['1,5', "! v: '1,5' is no number"],
    ['1_0', "! v: '1_0' is no number"],
    ['NaN', "! v: 'NaN' is no number"],
    [' 1', "! v: ' 1' is no number"],
  ],
  'Decimal(38, 0)': [
    [nines, nines],
    [`-${nines}`, `-${nines}`],
    [`${nines}0`, `! v: '${nines}0' has more digits before the point than Decimal(38, 0)`],
    ['.0', '0'],
    ['.5', "! v: '.5' has more digits after the point than Decimal(38, 0)"],
  ],
  'Decimal(38, 38)': [
    [`0.${nines}`, `.${nines}`],
    [`-.${nines}00`, `-.${nines}`],
    [`0.${nines}1`, `! v: '0.${nines}1' has more digits after the point than Decimal(38, 38)`],
    ['1', "! v: '1' has more digits before the point than Decimal(38, 38)"],
  ],
  Float64: [
    ['0.1', '0.1'],
    ['1e308', '1e+308'],
    ['-1.5E-3', '-0.0015'],
    ['.5', '0.5'],
    ['1e400', "! v: '1e400' is larger than Float64 holds"],
    ['nan', "! v: 'nan' is no number"],
    ['Infinity', "! v: 'Infinity' is no number"],
    ['1_0.5', "! v: '1_0.5' is no number"],
    [' 1', "! v: ' 1' is no number"],
  ],
  Float32: [
    ['0.1', '0.1'],
    ['3.5e38', "! v: '3.5e38' is larger than Float32 holds"],
  ],
  String: [
    [' ä "x", \n', ' ä "x", \n'],
    ['#', '#'],
  ],
  'FixedString(4)': [
    ['abcd', 'abcd'],
    ['ab', 'ab'],
    ['äöü', "! v: 'äöü' has 6 bytes; FixedString(4) holds 4"],
  ],
  Bool: [
    ['true', 'true'],
    ['YES', 'true'],
    ['1', 'true'],
    ['False', 'false'],
    ['no', 'false'],
    ['0', 'false'],
    ['2', "! v: '2' is neither true, 1, yes nor false, 0, no"],
    ['t', "! v: 't' is neither true, 1, yes nor false, 0, no"],
  ],
  UUID: [
    ['123e4567-e89b-12d3-a456-426614174000', '123e4567-e89b-12d3-a456-426614174000'],
    ['123E4567-E89B-12D3-A456-426614174000', '123e4567-e89b-12d3-a456-426614174000'],
    ['123e4567e89b12d3a456426614174000', "! v: '123e4567e89b12d3a456426614174000' is not a UUID"],
    ['{123e4567-e89b-12d3-a456-426614174000}', "! v: '{123e4567-e89b-12d3-a456-426614174000}' is not a UUID"],
  ],
  "Enum8('new', 'paid')": [
    ['paid', 'paid'],
    ['Paid', "! v: 'Paid' is not one of new, paid"],
  ],
  Date: [
    ['1970-01-01', '1970-01-01'],
    ['2149-06-06', '2149-06-06'],
    ['2024-02-29', '2024-02-29'],
    ['2024-05-01T00:00:00Z', '2024-05-01'],
    ['2024-05-01 00:00', '2024-05-01'],
    ['2024-05-01 00:00:01', "! v: '2024-05-01 00:00:01' is no day like 2024-05-01"],
    ['1969-12-31', "! v: '1969-12-31' is not between 1970-01-01 and 2149-06-06, which Date holds"],
    ['2149-06-07', "! v: '2149-06-07' is not between 1970-01-01 and 2149-06-06, which Date holds"],
    ['2023-02-29', "! v: '2023-02-29' is no day like 2024-05-01"],
    ['2024-5-1', "! v: '2024-5-1' is no day like 2024-05-01"],
    ['20240501', "! v: '20240501' is no day like 2024-05-01"],
    ['epoch', "! v: 'epoch' is no day like 2024-05-01"],
  ],
  Date32: [
    ['1900-01-01', '1900-01-01'],
    ['2299-12-31', '2299-12-31'],
    ['1899-12-31', "! v: '1899-12-31' is not between 1900-01-01 and 2299-12-31, which Date32 holds"],
    ['2300-01-01', "! v: '2300-01-01' is not between 1900-01-01 and 2299-12-31, which Date32 holds"],
  ],
  'Array(Int64)': [
    [`[1, -2, ${two(63) - 1n}]`, `[1, -2, ${two(63) - 1n}]`],
    ['[]', '[]'],
    ['["7", 8]', '[7, 8]'],
    ['[1, 2.5]', "! v: '[1, 2.5]': '2.5' is no whole number"],
    ['[1, null]', "! v: '[1, null]': nothing, which its type can not be"],
    ['{"a": 1}', `! v: '{"a": 1}' is no list of JSON like [1, 2]`],
    ['1', "! v: '1' is no list of JSON like [1, 2]"],
    ['[1', "! v: '[1' is no list of JSON like [1, 2]"],
  ],
  'Array(Nullable(Decimal(38, 19)))': [
    ['[1234567890123456789.1234567890123456789, null]', '[1234567890123456789.1234567890123456789, NULL]'],
    ['["1234567890123456789.1234567890123456789"]', '[1234567890123456789.1234567890123456789]'],
    ['["1", 0.12345678901234567890]', `! v: '["1", 0.12345678901234567890]' is no list of JSON like [1, 2]`],
  ],
  'Array(Array(UInt8))': [
    ['[[1, 2], [], [3]]', '[[1, 2], [], [3]]'],
    ['[[1], [300]]', "! v: '[[1], [300]]': '[\"300\"]': '300' is not between 0 and 255, which UInt8 holds"],
  ],
  'Array(String)': [[`["a", "b \\"c\\"", "ü, x", {"k": 1}, 1.50]`, `[a, 'b "c"', 'ü, x', '{"k":1}', 1.5]`]],
  'Array(Int128)': [[`[${two(127) - 1n}, ${-two(127)}]`, `[${two(127) - 1n}, ${-two(127)}]`]],
  "Array(DateTime64(3, 'Europe/Berlin'))": [
    ['["2024-05-01 12:00:00.5", "2024-05-01T12:00:00Z"]', '[1714557600500, 1714564800000]'],
    [
      '["2024-03-31 02:30:00"]',
      `! v: '["2024-03-31 02:30:00"]': '2024-03-31 02:30:00' is a time that the change to summer time in Europe/Berlin leaves out`,
    ],
  ],
  'LowCardinality(String)': [['x', 'x']],
  'Nullable(UInt16)': [
    ['65535', '65535'],
    ['65536', "! v: '65536' is not between 0 and 65535, which UInt16 holds"],
  ],
};

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

describe('a text becomes a value of its type exactly, or its row is set aside with the reason', () => {
  for (const [type, cases] of Object.entries(CASES))
    test(type, async () => {
      const found = await readAs(
        bench,
        `name: v, type: "${type}"`,
        cases.map(([text]) => text),
      );
      expect(cases.map(([text], index) => [text, found[index]])).toEqual(cases);
    });
});

describe('addresses', () => {
  test.each([
    ['IPv4', isIPv4],
    ['IPv6', (text: string) => isIPv6(text) || isIPv4(text)],
  ] as const)('%s takes what Node takes', async (type, isAddress) => {
    const texts = addresses(3_000);
    const found = await readAs(bench, `name: v, type: ${type}`, texts);
    const wrong = texts.filter((text, index) => isAddress(text) === (found[index]?.startsWith('! ') ?? true));
    expect(wrong).toEqual([]);
    expect(texts.filter(isAddress).length).toBeGreaterThan(30);
  });
});

describe('random numbers against BigInt', () => {
  test('decimals keep each digit or are refused', async () => {
    const random = seeded(7);
    const texts = Array.from({ length: 2_000 }, () => {
      const digits = (most: number): string =>
        Array.from({ length: Math.floor(random() * (most + 1)) }, () => Math.floor(random() * 10)).join('');
      const whole = digits(24) || '0';
      const fraction = digits(14) + '0'.repeat(Math.floor(random() * 4));
      return `${random() < 0.3 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
    });
    const found = await readAs(bench, 'name: v, type: "Decimal(30, 9)"', texts);
    expect(found.map((value) => (value?.startsWith('! ') === true ? 'refused' : value))).toEqual(
      texts.map((text) => decimalOf(text, 30, 9)),
    );
  });

  test.each([8, 16, 32, 64, 128])('integers of %i bits are kept or refused at each end', async (bits) => {
    const random = seeded(bits);
    const ends = [two(bits - 1), two(bits), -two(bits - 1), 0n];
    const texts = Array.from({ length: 400 }, () =>
      String((ends[Math.floor(random() * 4)] ?? 0n) + BigInt(Math.floor(random() * 21) - 10)),
    );
    for (const [type, least, most] of [
      [`Int${bits}`, -two(bits - 1), two(bits - 1) - 1n],
      [`UInt${bits}`, 0n, two(bits) - 1n],
    ] as const) {
      const found = await readAs(bench, `name: v, type: ${type}`, texts);
      const right = texts.map((text) => (BigInt(text) >= least && BigInt(text) <= most ? text : 'refused'));
      expect(found.map((value) => (value?.startsWith('! ') === true ? 'refused' : value))).toEqual(right);
    }
  });
});

/** The text of a decimal as it should land, by whole numbers alone. */
function decimalOf(text: string, precision: number, scale: number): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  const cut = fraction.replace(/0+$/, '');
  if (cut.length > scale) return 'refused';
  const units = BigInt(whole + cut.padEnd(scale, '0'));
  if (units >= 10n ** BigInt(precision)) return 'refused';
  const digits = String(units).padStart(scale + 1, '0');
  return `${units === 0n ? '' : sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function addresses(count: number): string[] {
  const random = seeded(3);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const group = (): string =>
    pick(['0', '1', 'ab', 'fFfF', '12345', 'g', '0000', '1.2.3.4', '01', '255', '256', '10.0.0.1']);
  return Array.from({ length: count }, () => {
    const separator = pick([':', ':', ':', '.']);
    const parts = Array.from(
      { length: pick([1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9]) },
      separator === '.' ? () => pick(['0', '1', '255', '256', '01', 'a']) : group,
    );
    return parts
      .join(separator)
      .replace(pick([/$/, /:/, /:0:/, /^/]), (match) => (match === '' ? pick(['', '::']) : '::'));
  }).filter((text) => text !== '');
}

/** Mulberry32: the same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
