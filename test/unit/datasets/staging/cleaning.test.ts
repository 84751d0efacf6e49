import { afterAll, beforeAll, expect, test } from 'vitest';
import { StagingError } from '../../../../src/datasets/staging/index.js';
import { Bench, manifestOf, readAs } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const cleaned = (steps: string, texts: string[], type = 'Nullable(String)'): Promise<(string | null)[]> =>
  readAs(bench, `name: v, type: "${type}", clean: [${steps}]`, texts);

test.each<[string, string, (string | null)[], string[]]>([
  ['spaces of Unicode at both ends', 'trim', ['a b'], ['\u00a0\t a b\u3000\n']],
  ['runs of spaces', 'collapse', [' a b '], ['\u2003 a \t\u00a0b \n']],
  ['letters', 'upper', ['ÄÖ'], ['äö']],
  ['letters', 'lower', ['äö'], ['ÄÖ']],
  ['texts that stand for nothing', '{ nullIf: [n/a, "it\'s"] }', [null, null, 'N/A'], ['n/a', "it's", 'N/A']],
  ['every match of a pattern', "{ replace: '(\\d)x', with: '\\1-' }", ['1-2-y'], ['1x2xy']],
  ['a map that keeps what it does not know', '{ map: { DE: Germany, FR: France } }', ['Germany', 'IT'], ['DE', 'IT']],
  ['a map that drops it', '{ map: { DE: Germany }, else: "null" }', ['Germany', null], ['DE', 'IT']],
  [
    'a map that refuses it',
    '{ map: { DE: Germany }, else: quarantine }',
    ['Germany', "! v: 'IT' is not in the map"],
    ['DE', 'IT'],
  ],
  ['steps in their order', "trim, upper, { nullIf: ['-'] }, { map: { A: 'x' } }", ['x', null, 'B'], [' a', '- ', 'b']],
])('cleaning takes care of %s (%s)', async (_, steps, right, texts) => {
  expect(await cleaned(steps, texts)).toEqual(right);
});

test('every white space of Unicode goes from both ends and becomes one space, and nothing that only looks like one', async () => {
  const spaces = Array.from(
    '\t\n\v\f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff',
  );
  const around = spaces.map((space) => `${space} ${space}ä${space}b ${space}`);
  expect(await cleaned('trim', around)).toEqual(spaces.map((space) => `ä${space}b`));
  expect(await cleaned('collapse', around)).toEqual(spaces.map(() => ' ä b '));
  const none = ['\u200ba\u200b', '\u180ea', '\u2060a', 'a b'];
  expect(await cleaned('trim', none)).toEqual(none);
  expect(await cleaned('collapse', none)).toEqual(none);
});

test('a number is read as it is written, and groups have to stand right', async () => {
  const german = "{ number: { decimal: ',', group: '.' } }";
  const no = (text: string): string => `! v: '${text}' is no number with decimal ',' and group '.'`;
  expect(
    await cleaned(
      german,
      ['1.234,50', '1234,5', '-1.234.567', '12.34,5', '1.2345', '1,2,3', '1.234.5'],
      'Decimal(18, 2)',
    ),
  ).toEqual(['1234.50', '1234.50', '-1234567.00', no('12.34,5'), no('1.2345'), no('1,2,3'), no('1.234.5')]);
  expect(
    await cleaned("{ number: { decimal: ',', group: ' ' } }", ['1 234,5', '1\u202f234\u00a0567'], 'Decimal(18, 2)'),
  ).toEqual(['1234.50', '1234567.00']);
  expect(await cleaned('{ number: { group: "\'" } }', ["1'234.5", '1’234’567'], 'Decimal(18, 2)')).toEqual([
    '1234.50',
    '1234567.00',
  ]);
  expect(await cleaned('{ number: {} }', ['1.5', '1,5'], 'Decimal(18, 2)')).toEqual([
    '1.50',
    "! v: '1,5' is no number with decimal '.'",
  ]);
});

test('nothing is a default where there is one, and a fault where the column is required', async () => {
  const manifest = manifestOf([
    'name: a, type: UInt8, default: 7',
    `name: b, type: String, default: "it's"`,
    'name: c, type: Nullable(UInt8)',
    'name: d, type: "DateTime(\'Europe/Berlin\')", default: 2024-05-01 12:00:00, clean: [{ time: { format: "%d.%m.%Y" } }]',
    'name: e, type: Array(String), default: "[\\"x, y\\", \\"it\'s\\"]"',
    'name: n, type: UInt8',
  ]);
  const { landed, setAside } = await bench.rows(
    manifest,
    ['a', 'b', 'c', 'd', 'e', 'n'],
    [
      ['', '', '', '', '', '1'],
      ['1', 'x', '2', '02.05.2024', '[]', ''],
    ],
  );
  expect(landed.get(2)).toEqual(['7', "it's", null, '1714557600', "['x, y', 'it\\'s']", '1']);
  expect(setAside.get(3)).toMatchObject({
    reason: 'MISSING_VALUE',
    subject: 'n',
    detail: 'n: nothing is there, and it is required',
  });
});

test('a row with several faults is set aside once, with the first reason and five sentences at most', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const manifest = manifestOf(names.map((name) => `name: ${name}, type: UInt8`));
  const { read, rows, quarantined, setAside } = await bench.rows(manifest, names, [['1', 'x', '', 'y', 'z', 'u', 'v']]);
  expect({ read, rows, quarantined }).toEqual({ read: 1, rows: 0, quarantined: 1 });
  expect(setAside.get(2)).toEqual({
    source: 'rows.csv',
    line: 2,
    reason: 'BAD_VALUE',
    subject: 'b',
    detail:
      "b: 'x' is no whole number; c: nothing is there, and it is required; d: 'y' is no whole number; e: 'z' is no whole number; f: 'u' is no whole number",
    raw: '{"a":"1","b":"x","c":"","d":"y","e":"z","f":"u","g":"v"}',
  });
});

test.each([
  ['name: v, type: String, clean: [{ replace: "(", with: x }]', 'v: replace: '],
  ['name: v, type: DateTime, clean: [{ time: { format: "%Q" } }]', 'v: time.format: '],
  ['name: v, type: DateTime, clean: [{ time: { format: "%H %Z" } }]', '%H %Z: %Z is read without'],
  ['name: v, type: UInt8, default: 300', "v: default: '300' is not between 0 and 255"],
  ["name: v, type: UInt8, clean: [{ number: { decimal: ',', group: ',' } }]", "number: ',' can't be both"],
])('what can work for no row is refused at once: %s', async (column, message) => {
  const staged = bench.rows(manifestOf([column]), ['v'], [['1']]);
  await expect(staged).rejects.toThrow(StagingError);
  await expect(staged).rejects.toThrow(message);
});

test('what a row looked like is kept up to 65,536 bytes', async () => {
  const manifest = manifestOf(['name: v, type: UInt8']);
  const { setAside } = await bench.rows(manifest, ['v'], [['ü"\n'.repeat(40_000)], ['x'.repeat(60_000)]]);
  const raws = [2, 3].map((line) => setAside.get(line)?.raw ?? '');
  expect(raws.every((raw) => Buffer.byteLength(raw) <= 65_536 && typeof JSON.parse(raw) === 'object')).toBe(true);
  expect(raws[1]).toBe(JSON.stringify({ v: 'x'.repeat(60_000) }));
});
