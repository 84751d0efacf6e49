import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/datasets/records/index.js';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import { Bench, input, nexts, random, type Cut } from './cutting.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const ndjson = formatSchema.parse({ type: 'ndjson' });
const json = formatSchema.parse({ type: 'json' });
const lines = (text: string | Uint8Array): Promise<Cut> => bench.cut([input('a', text, 7)], { format: ndjson });
const document = (text: string | Uint8Array, records?: string): Promise<Cut> =>
  bench.cut([input('a', text, 7)], { format: json, ...(records === undefined ? {} : { records }) });
const recordsOf = ({ rows }: Cut): [number, string | undefined][] => rows.map(({ line, fields }) => [line, fields[0]]);
const told = ({ rejected }: Cut): [string, number, string][] =>
  rejected.map(({ reason, line, raw }) => [reason, line, raw]);

/** A number as it is written, and as it has to come out. */
const NUMBERS = [
  ['12345678901234567890.123', '"12345678901234567890.123"'],
  ['-1234567890123456', '"-1234567890123456"'],
  ['123456789012345', '123456789012345'],
  ['-0.000000000000000012345', '-0.000000000000000012345'],
  ['0.1234567890123456', '"0.1234567890123456"'],
  ['1234567890.123456E+10', '"1234567890.123456E+10"'],
  ['1.5e-1234567890123456789', '1.5e-1234567890123456789'],
  ['1000000000000000', '"1000000000000000"'],
] as const;

describe('NDJSON', () => {
  it('is a record a line, blank ones skipped and counted', async () => {
    const whole = await lines('\ufeff{"a":1}\n\n  {"b":"x,\\"y\'\\\\"} \r\n\t\n{"c":[{"d":"}{\\""}]}');
    expect(recordsOf(whole)).toEqual([
      [1, '{"a":1}'],
      [3, '{"b":"x,\\"y\'\\\\"}'],
      [5, '{"c":[{"d":"}{\\""}]}'],
    ]);
    expect(whole.pieces[0]?.marks.length).toBe(3);
    expect(await lines('')).toMatchObject({ rows: [], pieces: [] });
  });

  it.each(NUMBERS)('keeps every digit of %s', async (written, kept) => {
    const whole = await lines(`{"a":${written},"b":[${written}],"${written}":"${written}"}\n`);
    expect(recordsOf(whole)).toEqual([[1, `{"a":${kept},"b":[${kept}],"${written}":"${written}"}`]]);
  });

  it('sets aside what is no object, and leaves it to the staging what is no JSON within one', async () => {
    const whole = await lines('1\n"x"\n[{}]\nnull\n{"a":1\n{"a":"1}\n{}{}\n{}x\nx{}\n{a:tru}\n}{\n');
    expect(told(whole)).toEqual(
      ['1', '"x"', '[{}]', 'null', '{"a":1', '{"a":"1}', '{}{}', '{}x', 'x{}', '}{'].map((raw, index) => [
        'MALFORMED',
        index < 9 ? index + 1 : 11,
        raw,
      ]),
    );
    expect(recordsOf(whole)).toEqual([[10, '{a:tru}']]);
  });

  it('sets aside control characters and what is no UTF-8', async () => {
    const whole = await lines(
      Buffer.from('{"a":"\x01"}\n{"a":\x00}\n{"a"\r:1}\n{"a":"\t"}\n{"a":"\xe9"}\n{"a":\t1}\n{"a":"\x7f"}\n', 'latin1'),
    );
    expect(told(whole)).toEqual([
      ['CONTROL_CHARACTERS', 1, '{"a":"\x01"}'],
      ['CONTROL_CHARACTERS', 2, '{"a":\0}'],
      ['CONTROL_CHARACTERS', 3, '{"a"\r:1}'],
      ['CONTROL_CHARACTERS', 4, '{"a":"\t"}'],
      ['NOT_UTF8', 5, '{"a":"é"}'],
    ]);
    expect(recordsOf(whole)).toEqual([
      [6, '{"a":\t1}'],
      [7, '{"a":"\x7f"}'],
    ]);
  });

  it('has lines of up to 16 MiB', async () => {
    const most = `{"a":"${'x'.repeat(16_777_208)}"}`;
    const bytes = Buffer.from(`{}\n${most}\n{"a":"${'x'.repeat(16_777_209)}"}\n{}`);
    const whole = await bench.cut([input('a', bytes, 1_000_000)], { format: ndjson });
    expect(whole.rows.map(({ line, fields }) => [line, fields[0]?.length])).toEqual([
      [1, 2],
      [2, 16_777_216],
      [4, 2],
    ]);
    expect(whole.rejected.map(({ reason, line, raw }) => [reason, line, raw.length])).toEqual([
      ['TOO_LONG', 3, 65_536],
    ]);
  });
});

describe('a document of JSON', () => {
  it('is a list of records, each on a line', async () => {
    const whole = await document('\ufeff[\n  {"a": 1,\r\n    "b":\t"x\\n]"},\n{}\n ,{"c":{"d":[1,[]]}}] \n');
    expect(recordsOf(whole)).toEqual([
      [1, '{"a": 1, "b":\t"x\\n]"}'],
      [2, '{}'],
      [3, '{"c":{"d":[1,[]]}}'],
    ]);
    expect(await document('[]')).toMatchObject({ rows: [], pieces: [] });
  });

  it('has them where the path says', async () => {
    const text =
      '{"meta":{"items":[{"no":1}],"x":"]}"},"n":1.5e3,"t":true,"data":{"a":[],"it\\u0065ms":[{"a":1},{"a":2}],"z":null},"y":[]}';
    expect(recordsOf(await document(text, 'data.items'))).toEqual([
      [1, '{"a":1}'],
      [2, '{"a":2}'],
    ]);
    expect(recordsOf(await document(text, 'meta.items'))).toEqual([[1, '{"no":1}']]);
    const told = formatSchema.parse({ type: 'json', records: 'data.items' });
    expect((await bench.cut([input('a', text)], { format: told })).rows.length).toBe(2);
  });

  it('that is an object is the only record', async () => {
    expect(recordsOf(await document(' {"a":[1,2]}\n'))).toEqual([[1, '{"a":[1,2]}']]);
  });

  it.each(NUMBERS)('keeps every digit of %s', async (written, kept) => {
    expect(recordsOf(await document(`[{"a":${written}},{"b":\n[${written}\n]}]`))).toEqual([
      [1, `{"a":${kept}}`],
      [2, `{"b": [${kept} ]}`],
    ]);
  });

  it('does not become JSON by being written on a line', async () => {
    expect(recordsOf(await document('[{"a":tr\nue},{"a":1\n2}]'))).toEqual([
      [1, '{"a":tr ue}'],
      [2, '{"a":1 2}'],
    ]);
  });

  it('sets aside elements that are no objects, or hold control characters', async () => {
    const whole = await document('[1,{"a":1},"x\\"]",[{"b":[]}],null,{"a":"\n"},-1.5 ,{}]');
    expect(told(whole)).toEqual([
      ['MALFORMED', 1, '1'],
      ['MALFORMED', 3, '"x\\"]"'],
      ['MALFORMED', 4, '[{"b":[]}]'],
      ['MALFORMED', 5, 'null'],
      ['CONTROL_CHARACTERS', 6, '{"a":"\n"}'],
      ['MALFORMED', 7, '-1.5'],
    ]);
    expect(recordsOf(whole)).toEqual([
      [2, '{"a":1}'],
      [8, '{}'],
    ]);
  });

  it.each([
    [
      '{"data":{"rows":[],"next":null}}',
      'data.items',
      "no records at 'data.items': 'data' has the keys 'rows', 'next'",
    ],
    ['{}', 'items', "no records at 'items': the document has no keys"],
    ['[]', 'items', "no records at 'items': the document is a list"],
    ['{"items":"x"}', 'items.a', "no records at 'items.a': 'items' is a text"],
    ['{"items":{"a":1,"b":[{}]}}', 'items', "no list of records: 'items' is an object with the keys 'a', 'b'"],
    ['{"items":null}', 'items', "no list of records: 'items' is no object and no list"],
    ['17', undefined, 'no list of records: the document is no object and no list'],
    ['', undefined, 'no list of records: the document is empty'],
    ['{"items":[{}],"x":{"items":[]},"items":[{}]}', 'items', "the records at 'items' are there twice"],
    ['[{"a":1},', undefined, `the document is cut off: ']' should follow its 9 bytes`],
    ['[{"a":1},{"a"', undefined, `the document is cut off: ']' should follow its 13 bytes`],
    ['[{"a":1}', undefined, `the document is cut off: ']' should follow its 8 bytes`],
    ['{"a":[{}]', 'a', `the document is cut off: ',' or '}' should follow its 9 bytes`],
    ['{"a":{"b":"x', 'c', `the document is cut off: '"' should follow its 12 bytes`],
    ['[{}{}]', undefined, `the document is no JSON: at byte 3 should be ',' or ']', and is '{}]'`],
    ['[{},]', undefined, `the document is no JSON: at byte 4 should be a value, and is ']'`],
    [
      '{"a":1}\n{"a":2}',
      undefined,
      `the document is no JSON: at byte 8 should be the end (one record a line is ndjson), and is '{"a":2}'`,
    ],
    ['{"a" 1}', 'b', `the document is no JSON: at byte 5 should be ':', and is '1}'`],
  ])('%s with records at %s is refused', async (text, records, message) => {
    await expect(document(text, records)).rejects.toThrow(new InputError('a', message));
  });

  it('goes on behind each of its pieces, also in the midst of its path', async () => {
    const next = random(3);
    const parts = [
      '1',
      '{}',
      '"]"',
      '{"a":[1,{"b":"}"}]}',
      '{"n":12345678901234567890}',
      '{\n"x":\n1}',
      '{"a":"\u0001"}',
      '[{}]',
    ];
    const items = Array.from({ length: 120 }, () => parts[Math.floor(next() * parts.length)]).join(' ,\n');
    const text = `\ufeff{"x":{"items":[1]},"data":{"items":[${items}], "z":1}, "y": 1}`;
    const inputs = [input('a', text, 11), input('b', '{"data":{"items":[]}}'), input('c', text)];
    const options = { format: json, records: 'data.items', maxRecords: 19 };
    const whole = await bench.cut(inputs, options);
    expect(whole.rows.length + whole.rejected.length).toBe(240);
    for (const from of nexts(whole)) {
      const rest = await bench.cut(inputs, { ...options, from });
      const isBehind = ({ source, line }: { source: string; line: number }): boolean =>
        source > 'abc'.charAt(from.input) || (source === 'abc'.charAt(from.input) && line >= from.line);
      expect(rest.rows).toEqual(whole.rows.filter(isBehind));
      expect(rest.rejected).toEqual(whole.rejected.filter(isBehind));
    }
  });

  it('has values of any length beside its records, and records of up to 16 MiB', async () => {
    const long = 'x'.repeat(17_000_000);
    const text = `{"a":"${long}","items":[{"a":1},{"a":"${long}"},["${long}"],{"a":2}],"z":["${long}"]}`;
    const whole = await bench.cut([input('a', text, 1_000_000)], { format: json, records: 'items' });
    expect(recordsOf(whole)).toEqual([
      [1, '{"a":1}'],
      [4, '{"a":2}'],
    ]);
    expect(whole.rejected.map(({ reason, line, raw }) => [reason, line, raw.length])).toEqual([
      ['TOO_LONG', 2, 65_536],
      ['MALFORMED', 3, 65_536],
    ]);
  });

  it('longer than a window is the same as by JSON.parse', async () => {
    const next = random(4);
    const text = (): string =>
      Array.from(
        { length: next() * 40 },
        () => ['a', '"', '\\', '[', '{', '}', ',', 'é', '\n'][Math.floor(next() * 9)],
      ).join('');
    const items = Array.from({ length: 8_000 }, (_, index) => ({
      index,
      [text()]: text(),
      list: [text(), { deep: text() }],
      n: next() < 0.5 ? 1 : -0.25,
    }));
    for (const written of [JSON.stringify(items), JSON.stringify(items, undefined, 3)]) {
      const whole = await bench.cut([input('a', written)], { format: json });
      expect(written.length).toBeGreaterThan(600_000);
      expect(whole.rows.map(({ fields }) => JSON.parse(fields[0] ?? '') as unknown)).toEqual(items);
    }
    const whole = await bench.cut([input('a', items.map((item) => JSON.stringify(item)).join('\n'))], {
      format: ndjson,
    });
    expect(whole.rows.map(({ fields }) => JSON.parse(fields[0] ?? '') as unknown)).toEqual(items);
  });
});
