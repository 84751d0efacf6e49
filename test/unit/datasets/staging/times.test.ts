import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, manifestOf, readAs } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const seconds = (iso: string): bigint => BigInt(Date.parse(iso)) / 1000n;

describe('a time is read to the last digit', () => {
  test('nanoseconds', async () => {
    const base = seconds('2024-05-01T12:00:00Z') * 10n ** 9n;
    const cases: [string, string][] = [
      ['2024-05-01T12:00:00.123456789Z', String(base + 123_456_789n)],
      ['2024-05-01 12:00:00.1', String(base + 100_000_000n)],
      ['2024-05-01 12:00:00,000000001', String(base + 1n)],
      ['2024-05-01T12:00:00.12345678900Z', String(base + 123_456_789n)],
      ['2024-05-01T14:00:00.000000001+02:00', String(base + 1n)],
      ['1969-12-31T23:59:59.999999999Z', '-1'],
      ['1900-01-01T00:00:00Z', String(seconds('1900-01-01T00:00:00Z') * 10n ** 9n)],
      ['2262-04-11T23:47:16.854775807Z', String(2n ** 63n - 1n)],
      ['2262-04-11T23:47:16.854775Z', String(2n ** 63n - 808n)],
      ['1969-12-31T23:59:59.999999Z', '-1000'],
      [
        '2262-04-11T23:47:16.854776Z',
        "! v: '2262-04-11T23:47:16.854776Z' is not in the years 1900 to 2262, which DateTime64(9) holds",
      ],
      [
        '2262-04-11T23:47:16.854775808Z',
        "! v: '2262-04-11T23:47:16.854775808Z' is not in the years 1900 to 2262, which DateTime64(9) holds",
      ],
      [
        '2262-04-11T23:47:17Z',
        "! v: '2262-04-11T23:47:17Z' is not in the years 1900 to 2262, which DateTime64(9) holds",
      ],
      [
        '1899-12-31T23:59:59.9Z',
        "! v: '1899-12-31T23:59:59.9Z' is not in the years 1900 to 2262, which DateTime64(9) holds",
      ],
      [
        '2024-05-01T12:00:00.1234567891Z',
        "! v: '2024-05-01T12:00:00.1234567891Z' has more digits of a second than DateTime64(9)",
      ],
    ];
    expect(
      await readAs(
        bench,
        'name: v, type: DateTime64(9)',
        cases.map(([text]) => text),
      ),
    ).toEqual(cases.map(([, right]) => right));
  });

  test('milliseconds, and what is no time', async () => {
    const at = (iso: string): string => String(Date.parse(iso));
    const no = (text: string): string => `! v: '${text}' is no time like 2024-05-01 12:30:00 or 2024-05-01T12:30:00Z`;
    const cases: [string, string][] = [
      ['2024-05-01 12:00:00', at('2024-05-01T12:00:00Z')],
      ['2024-05-01t12:00:00z', at('2024-05-01T12:00:00Z')],
      ['2024-05-01T12:00:00+05:45', at('2024-05-01T12:00:00+05:45')],
      ['2024-05-01T12:00:00-0330', at('2024-05-01T12:00:00-03:30')],
      ['2024-05-01 12:00:00 +02', at('2024-05-01T12:00:00+02:00')],
      ['2024-05-01 12:00:00 UTC', at('2024-05-01T12:00:00Z')],
      ['2024-05-01T12:00', at('2024-05-01T12:00:00Z')],
      ['2024-05-01T12:00Z', at('2024-05-01T12:00:00Z')],
      ['2024-05-01T12:00+02', at('2024-05-01T12:00:00+02:00')],
      ['2024-05-01', at('2024-05-01T00:00:00Z')],
      ['2024-05-01 12:00:00.125000', at('2024-05-01T12:00:00.125Z')],
      ['1969-12-31 23:59:59.25', '-750'],
      [
        '2024-05-01T12:00:00.000001Z',
        "! v: '2024-05-01T12:00:00.000001Z' has more digits of a second than DateTime64(3)",
      ],
      ['2299-12-31T23:59:59.999Z', at('2299-12-31T23:59:59.999Z')],
      ['2024-05-01 12:00:00.1255', "! v: '2024-05-01 12:00:00.1255' has more digits of a second than DateTime64(3)"],
      [
        '2300-01-01T00:00:00Z',
        "! v: '2300-01-01T00:00:00Z' is not in the years 1900 to 2299, which DateTime64(3) holds",
      ],
      ...[
        '1714564800',
        '20240501',
        '2024-05-01 24:00:00',
        '2016-12-31 23:59:60',
        '2023-02-29 00:00:00',
        '2024-05-01  1:00:00',
        '2024-05-01 12:00:0.',
        '2024-05-1T 12:00:00',
        '2024-05-01 12:00:00 CET',
        'now',
        'infinity',
        '12:00:00',
      ].map((text): [string, string] => [text, no(text)]),
    ];
    expect(
      await readAs(
        bench,
        'name: v, type: DateTime64(3)',
        cases.map(([text]) => text),
      ),
    ).toEqual(cases.map(([, right]) => right));
  });

  test('DateTime holds whole seconds from 1970 to 2106', async () => {
    expect(
      await readAs(bench, 'name: v, type: DateTime', [
        '1970-01-01T00:00:00Z',
        '2106-02-07T06:28:15Z',
        '2106-02-07T06:28:16Z',
        '1969-12-31T23:59:59Z',
        '2024-05-01T00:00:00.5Z',
      ]),
    ).toEqual([
      '0',
      '4294967295',
      "! v: '2106-02-07T06:28:16Z' is not in the years 1970 to 2106, which DateTime holds",
      "! v: '1969-12-31T23:59:59Z' is not in the years 1970 to 2106, which DateTime holds",
      "! v: '2024-05-01T00:00:00.5Z' has more digits of a second than DateTime",
    ]);
  });

  test('a pattern of strptime, for times, days and texts', async () => {
    const cases: [string, string, string, string][] = [
      [
        "DateTime64(6, 'Europe/Berlin')",
        '%d.%m.%Y %H:%M:%S.%f',
        '01.05.2024 14:00:00.123456',
        String(seconds('2024-05-01T12:00:00Z') * 1_000_000n + 123_456n),
      ],
      [
        'DateTime64(9)',
        '%d.%m.%Y %H:%M:%S.%n',
        '01.05.1969 14:00:00.123456789',
        String(seconds('1969-05-01T14:00:00Z') * 10n ** 9n + 123_456_789n),
      ],
      [
        'DateTime64(3)',
        '%d.%m.%Y %H:%M:%S.%n',
        '01.05.2024 14:00:00.123456789',
        "! v: '01.05.2024 14:00:00.123456789' has more digits of a second than DateTime64(3)",
      ],
      ['DateTime', '%Y-%m-%d %H:%M %z', '2024-05-01 14:00 +0200', String(seconds('2024-05-01T12:00:00Z'))],
      ['DateTime', '%d.%m.%Y', '31.02.2024', "! v: '31.02.2024' is no time like %d.%m.%Y"],
      ['Date', '%d.%m.%Y', '29.02.2024', '2024-02-29'],
      ['Date', '%d.%m.%Y %H', '29.02.2024 10', "! v: '29.02.2024 10' is no day like %d.%m.%Y %H"],
      ['String', '%d.%m.%Y %H:%M:%S.%f', '01.05.2024 14:00:00.5', '2024-05-01 14:00:00.5Z'],
    ];
    for (const [type, format, text, right] of cases)
      expect(
        await readAs(bench, `name: v, type: "${type}", clean: [{ time: { format: "${format}" } }]`, [text]),
      ).toEqual([right]);
  });
});

describe('a time of a zone that changes its clocks', () => {
  const READINGS = [
    ['quarantine', 'quarantine'],
    ['later', 'earlier'],
    ['later', 'later'],
  ] as const;
  // Changes of whole and half hours, of both hemispheres, of wars, to and from the date line, before and after 2038.
  const AROUND: Record<string, readonly string[]> = {
    'Europe/Berlin': ['2024-03-31', '2024-10-27', '1945-05-24', '1947-05-11', '1916-04-30', '2051-03-26', '2250-10-27'],
    'America/New_York': ['2024-03-10', '2024-11-03', '1942-02-09', '2006-10-29'],
    'Australia/Lord_Howe': ['2024-04-07', '2024-10-06', '1981-03-01'],
    'Pacific/Apia': ['2011-12-30'],
    'Africa/Casablanca': ['2019-05-05', '2019-06-09'],
    'Asia/Kathmandu': ['1986-01-01'],
    'Europe/Amsterdam': ['1937-07-01'],
  };
  for (const [zone, days] of Object.entries(AROUND))
    test(zone, async () => {
      const texts = days.flatMap((day) =>
        Array.from({ length: 96 }, (_, quarter) =>
          new Date(Date.parse(`${day}T00:00:00Z`) + (quarter - 12) * 900_000)
            .toISOString()
            .slice(0, 19)
            .replace('T', ' '),
        ),
      );
      for (const [gap, overlap] of READINGS) {
        const found = await readAs(
          bench,
          `name: v, type: "DateTime64(0, '${zone}')", clean: [{ time: { gap: ${gap}, overlap: ${overlap} } }]`,
          texts,
        );
        const right = texts.map((text) => inZone(text, zone, gap, overlap));
        expect(found.map((value) => (value?.startsWith('! ') === true ? 'refused' : value))).toEqual(right);
      }
    });

  test('is told from one that is there', async () => {
    const column = `name: v, type: "DateTime('Europe/Berlin')"`;
    expect(
      await readAs(bench, column, [
        '2024-03-31 02:30:00',
        '2024-10-27 02:30:00',
        '2024-10-27T02:30:00+01:00',
        '2024-10-27 03:00:00',
      ]),
    ).toEqual([
      "! v: '2024-03-31 02:30:00' is a time that the change to summer time in Europe/Berlin leaves out",
      "! v: '2024-10-27 02:30:00' comes twice in Europe/Berlin, where summer time ends",
      String(seconds('2024-10-27T01:30:00Z')),
      String(seconds('2024-10-27T02:00:00Z')),
    ]);
  });

  test('the zone of the texts may be another than the column shows', async () => {
    const manifest = manifestOf([
      `name: v, type: "DateTime64(3, 'Asia/Tokyo')", clean: [trim, { time: { zone: America/New_York } }, trim]`,
    ]);
    const { landed } = await bench.rows(manifest, ['v'], [[' 2024-05-01 08:00:00.25 ']]);
    expect(landed.get(2)).toEqual([String(Date.parse('2024-05-01T12:00:00.250Z'))]);
  });
});

/** Seconds in UTC of a time by a zone's clocks, as Node's own zones have it: of all offsets around those that give it back. */
function inZone(text: string, zone: string, gap: string, overlap: string): string {
  const wall = Date.parse(`${text.replace(' ', 'T')}Z`);
  const offsets = [-30, -24, -12, 0, 12, 24, 30].map((hours) => offsetAt(wall + hours * 3_600_000, zone));
  const found = [...new Set(offsets.map((offset) => wall - offset))]
    .filter((utc) => utc + offsetAt(utc, zone) === wall)
    .sort((a, b) => a - b);
  const [first, last] = [found.at(0), found.at(-1)];
  if (first === undefined || last === undefined)
    return gap === 'later' ? String((wall - (offsets[0] ?? 0)) / 1000) : 'refused';
  if (first === last) return String(first / 1000);
  return overlap === 'quarantine' ? 'refused' : String((overlap === 'earlier' ? first : last) / 1000);
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function offsetAt(utc: number, zone: string): number {
  const format =
    FORMATS.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  FORMATS.set(zone, format);
  const part = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(utc / 1000) * 1000;
}
