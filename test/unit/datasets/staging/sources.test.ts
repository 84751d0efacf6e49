import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowStructure, StagingError } from '../../../../src/datasets/staging/index.js';
import { Bench, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const PLAIN = ['name: id, type: UInt32', 'name: v, type: Nullable(String)'];

describe('each row knows where it is from', () => {
  const lines = async (
    count: number,
    marks: { record: number; source: string; line: number }[],
  ): Promise<unknown[][]> => {
    const rows = Array.from({ length: count }, (_, index) => [index % 7 === 3 ? 'bad' : String(index), 'x']);
    const staged = await bench.rows(manifestOf(PLAIN), ['id', 'v'], rows, { marks });
    const landed = await bench.sql(`SELECT _source, _line, c0 FROM read_parquet('${staged.path ?? ''}')`);
    const aside = [...staged.setAside.values()].map(({ source, line }) => [source, String(line), 'bad']);
    expect(landed.length + aside.length).toBe(count);
    return [...landed, ...aside];
  };

  test.each([3, 4_000])('with %i marks', async (count) => {
    const marks = Array.from({ length: count }, (_, index) => ({
      record: index * 2,
      source: `it's ${index % 3}`,
      line: index * 5 + 2,
    }));
    const found = await lines(count * 2, marks);
    const right = Array.from({ length: count * 2 }, (_, record) => {
      const mark = marks[Math.floor(record / 2)];
      return [mark?.source, String((mark?.line ?? 0) + (record % 2)), record % 7 === 3 ? 'bad' : record];
    });
    const sorted = (of: unknown[][]): unknown[][] => of.toSorted((a, b) => Number(a[1]) - Number(b[1]));
    expect(sorted(found)).toEqual(sorted(right));
  });
});

describe('no record is lost, and none is there twice', () => {
  test('records that were rejected are set aside as they are', async () => {
    const rejected = [
      { source: 'rows.csv', line: 40, reason: 'EXTRA_COLUMNS', detail: 'three columns', raw: '1,2,"3\u0000' } as const,
    ];
    const staged = await bench.rows(
      manifestOf(PLAIN),
      ['id', 'v'],
      [
        ['1', 'x'],
        ['y', 'x'],
      ],
      { rejected: [...rejected] },
    );
    expect(staged).toMatchObject({ read: 3, rows: 1, quarantined: 2 });
    expect(staged.setAside.get(40)).toEqual({
      source: 'rows.csv',
      line: 40,
      reason: 'EXTRA_COLUMNS',
      subject: '',
      detail: 'three columns',
      raw: '1,2,"3\u0000',
    });
  });

  test.each([
    [1, '1,a\n2,b\n'],
    [1, '1,a\nx,b\n'],
    [3, '1,a\n2,b\n'],
    [3, '1,a\nx,b\n'],
  ])('a file that has not the %i records of its piece is refused, and leaves no file', async (records, text) => {
    const path = join(bench.dir, 'other.csv');
    await writeFile(path, text);
    const before = await readdir(bench.dir);
    const marks = [{ record: 0, source: 's', line: 1 }];
    const staged = bench.piece(manifestOf(PLAIN), {
      kind: 'separated',
      path,
      records,
      read: records,
      columns: ['id', 'v'],
      rejected: [],
      marks,
    });
    await expect(staged).rejects.toThrow(StagingError);
    expect(await readdir(bench.dir)).toEqual(before);
  });

  test('a piece may have nothing, nothing that lands, or be set aside as a whole', async () => {
    expect(await bench.rows(manifestOf(PLAIN), ['id', 'v'], [])).toMatchObject({ read: 0, rows: 0, quarantined: 0 });
    expect((await bench.rows(manifestOf(PLAIN), ['id', 'v'], [['x', '']])).path).toBeUndefined();
    const all = await bench.rows(
      manifestOf(PLAIN),
      ['id', 'v'],
      [
        ['1', 'a'],
        ['2', 'b'],
      ],
      { quarantineAll: { reason: 'TOO_MANY', detail: 'of them' } },
    );
    expect(all).toMatchObject({ rows: 0, quarantined: 2 });
    expect(all.setAside.get(3)).toMatchObject({ reason: 'TOO_MANY', detail: 'of them', raw: '{"id":"2","v":"b"}' });
  });

  test('names of a header may be any, and differ in capitals alone', async () => {
    const manifest = manifestOf([
      'name: id, type: UInt8',
      'name: ID, type: UInt8',
      'name: odd, from: \'a "b", c\', type: String',
    ]);
    const { landed } = await bench.rows(manifest, ['id', 'ID', 'a "b", c'], [['1', '2', 'x']]);
    expect(landed.get(2)).toEqual(['1', '2', 'x']);
    await expect(bench.rows(manifestOf(PLAIN), ['id', 'v', 'v'], [['1', '2', '3']])).rejects.toThrow(
      'the header names v twice',
    );
  });

  test('an aborted staging ends', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(
      bench.rows(manifestOf(PLAIN), ['id', 'v'], [['1', 'a']], { signal: controller.signal }),
    ).rejects.toThrow();
    expect((await bench.rows(manifestOf(PLAIN), ['id', 'v'], [['1', 'a']])).rows).toBe(1);
  });
});

test('JSON is read by paths, and what is no object is set aside', async () => {
  const manifest = manifestOf(
    [
      'name: id, type: UInt64',
      'name: city, from: address.city, type: Nullable(String)',
      'name: price, from: "items[1].price", type: "Nullable(Decimal(38, 10))"',
      'name: items, type: Nullable(String)',
      'name: tags, type: Array(String), default: "[]"',
      'name: big, type: "Nullable(Decimal(38, 2))"',
    ],
    '',
    'type: ndjson',
  );
  const { landed, setAside } = await bench.json(manifest, [
    '{"id":"18446744073709551615","address":{"city":"Köln \\u0000"},"items":[{"price":1},{"price":"12345678901234567890.5"}],"tags":["a",1]}',
    '{"id":1.0,"address":null,"items":[],"big":123.40}',
    '[1]',
    '{"id":',
    '7',
    '{"id":2,"address":{"city":{"name":"Bonn"}}}',
  ]);
  expect(landed.get(1)).toEqual([
    '18446744073709551615',
    'Köln \u0000',
    '12345678901234567890.5000000000',
    '[{"price":1},{"price":"12345678901234567890.5"}]',
    '[a, 1]',
    null,
  ]);
  expect(landed.get(2)).toEqual(['1', null, null, '[]', '[]', '123.40']);
  expect(landed.get(6)?.[1]).toBe('{"name":"Bonn"}');
  expect(
    [3, 4, 5].map((line) => [setAside.get(line)?.reason, setAside.get(line)?.detail, setAside.get(line)?.raw]),
  ).toEqual([
    ['MALFORMED', 'this is no object of JSON', '[1]'],
    ['MALFORMED', 'this is no JSON', '{"id":'],
    ['MALFORMED', 'this is no object of JSON', '7'],
  ]);
});

test('Parquet is read exactly, from the row that the piece begins with', async () => {
  const path = join(bench.dir, 'rows.parquet');
  const values = [
    'range::UBIGINT + 18446744073709551600 AS big',
    '12345678901234567890.123456789::DECIMAL(38, 9) AS amount',
    "TIMESTAMP_NS '2024-05-01 12:00:00.123456789' AS local",
    "TIMESTAMPTZ '2024-05-01 12:00:00.123456+00' AS utc",
    '0.1::FLOAT AS f',
    "DATE '2024-05-01' AS day",
    "CASE WHEN range = 5 THEN '\\xFF'::BLOB ELSE encode('ü') END AS bytes",
    '{a: 1, b: [12345678901234567890.5::DECIMAL(38, 1)]} AS nested',
    '[1, NULL, 3] AS list',
    'true AS yes',
    "'123e4567-e89b-12d3-a456-426614174000'::UUID AS id",
  ];
  await bench.sql(`COPY (SELECT ${values.join(', ')} FROM range(10)) TO '${path}' (FORMAT parquet)`);
  const manifest = manifestOf(
    [
      'name: big, type: UInt64',
      'name: amount, type: "Decimal(38, 9)"',
      'name: local, type: "DateTime64(9, \'Europe/Berlin\')"',
      'name: utc, type: "DateTime64(6, \'Europe/Berlin\')"',
      'name: f, type: Float32',
      'name: day, type: Date',
      'name: bytes, type: String',
      'name: nested, type: String',
      'name: inner, from: "nested.b[0]", type: "Decimal(38, 1)"',
      'name: list, type: Array(Nullable(UInt8))',
      'name: yes, type: Bool',
      'name: id, type: UUID',
    ],
    '',
    'type: parquet',
  );
  const marks = [{ record: 0, source: 'rows.parquet', line: 5 }];
  const { landed, setAside } = await bench.piece(manifest, {
    kind: 'parquet',
    path,
    firstRow: 4,
    records: 3,
    read: 3,
    rejected: [],
    marks,
  });
  expect([...landed.keys()]).toEqual([5, 7]);
  expect(landed.get(5)).toEqual([
    '18446744073709551604',
    '12345678901234567890.123456789',
    '1714557600123456789',
    '1714564800123456',
    '0.1',
    '2024-05-01',
    'ü',
    '{"a":1,"b":["12345678901234567890.5"]}',
    '12345678901234567890.5',
    '[1, NULL, 3]',
    'true',
    '123e4567-e89b-12d3-a456-426614174000',
  ]);
  expect(setAside.get(6)).toMatchObject({
    reason: 'BAD_VALUE',
    subject: 'bytes',
    detail: 'bytes: these bytes are not UTF-8',
  });
});

test('the structure of a row names each column of the file, and none that is dropped', () => {
  const manifest = manifestOf([
    'name: id, type: UInt128',
    'name: gone, type: String, personal: drop',
    'name: at, type: "Nullable(DateTime64(5, \'Europe/Berlin\'))"',
    'name: tags, type: Array(Nullable(Date))',
  ]);
  expect(rowStructure(manifest, ['new'])).toEqual({
    columns: ['id', 'at', 'tags', 'new', '_source', '_line'],
    structure:
      'c0 String, c1 Nullable(Int64), c2 Array(Nullable(Date32)), c3 Nullable(String), _source String, _line UInt64',
    select: [
      'c0',
      "reinterpret(c1, 'DateTime64(5, \\'Europe/Berlin\\')')",
      'arrayMap(x0 -> toDate(x0), c2)',
      'c3',
      '_source',
      '_line',
    ],
  });
});
