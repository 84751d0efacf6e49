import { createHmac } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LookupRequest } from '../../../../src/datasets/staging/index.js';
import { Bench, KEY, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const COLUMNS = [
  'name: id, type: UInt32',
  'name: sku, type: Nullable(String)',
  'name: price, type: "Nullable(Decimal(18, 2))"',
  'name: since, type: Nullable(Date)',
];
const lookup = (more = ''): string =>
  `enrich: [{ name: prices, lookup: { dataset: prices }, on: { sku: article }, take: { price: price, since: valid_from }${more} }]`;
const HEADER = ['id', 'sku'];

/** Answers with a SELECT over the keys, which are called keys in it. */
const answering =
  (select: string, asked: unknown[] = []) =>
  async ({ name, keysPath, answerPath }: LookupRequest): Promise<void> => {
    asked.push([name, ...(await bench.sql(`SELECT * FROM read_parquet('${keysPath}') ORDER BY ALL`))]);
    await bench.sql(
      `COPY (WITH keys AS (FROM read_parquet('${keysPath}')) ${select}) TO '${answerPath}' (FORMAT parquet)`,
    );
  };
const PRICES = "SELECT k0, 1.5::DECIMAL(10, 2) AS t0, DATE '2024-05-01' AS t1 FROM keys WHERE k0 <> 'c'";

describe('a lookup before the write', () => {
  test('is asked once for the keys of a piece, and fills columns', async () => {
    const asked: unknown[] = [];
    const { landed } = await bench.rows(
      manifestOf(COLUMNS, lookup()),
      HEADER,
      [
        ['1', 'a'],
        ['2', 'b'],
        ['3', 'a'],
        ['4', 'c'],
        ['5', ''],
      ],
      { lookup: answering(PRICES, asked) },
    );
    expect(asked).toEqual([['prices', ['a'], ['b'], ['c']]]);
    expect([...landed.values()].map((row) => row.slice(1))).toEqual([
      ['a', '1.50', '2024-05-01'],
      ['b', '1.50', '2024-05-01'],
      ['a', '1.50', '2024-05-01'],
      ['c', null, null],
      [null, null, null],
    ]);
    expect((await readdir(bench.dir)).filter((name) => name.endsWith('.parquet')).length).toBe(1);
  });

  test('is not asked where there is no key', async () => {
    expect((await bench.rows(manifestOf(COLUMNS, lookup()), HEADER, [['1', '']])).rows).toBe(1);
  });

  test('sets rows without a match aside', async () => {
    const { setAside } = await bench.rows(
      manifestOf(COLUMNS, lookup(', missing: quarantine')),
      HEADER,
      [
        ['1', 'c'],
        ['x', 'a'],
        ['2', 'a'],
      ],
      { lookup: answering(PRICES) },
    );
    expect([...setAside.values()].map(({ line, reason, subject }) => [line, reason, subject])).toEqual([
      [2, 'LOOKUP_MISSING', 'prices'],
      [3, 'BAD_VALUE', 'id'],
    ]);
  });

  const TWICE = 'SELECT k0, unnest([2, 1]) AS t0, NULL::DATE AS t1 FROM keys';
  test('fails where there are several matches', async () => {
    const { failure } = await bench.rows(manifestOf(COLUMNS, lookup()), HEADER, [['1', 'a']], {
      lookup: answering(TWICE),
    });
    expect(failure).toBe('prices: it has more than one match of the row (line 2 of rows.csv)');
  });

  test('takes the least of several where the manifest says so', async () => {
    const { landed } = await bench.rows(manifestOf(COLUMNS, lookup(', several: first')), HEADER, [['1', 'a']], {
      lookup: answering(TWICE),
    });
    expect(landed.get(2)).toEqual(['1', 'a', '1.00', null]);
  });

  test('is typed as columns are', async () => {
    const { setAside } = await bench.rows(manifestOf(COLUMNS, lookup()), HEADER, [['1', 'a']], {
      lookup: answering("SELECT k0, '1.555' AS t0, NULL::DATE AS t1 FROM keys"),
    });
    expect(setAside.get(2)).toMatchObject({
      subject: 'price',
      detail: "price: '1.555' has more digits after the point than Decimal(18, 2)",
    });
  });

  test('of a dataset finds persons by their hash, which is all that others have', async () => {
    const columns = ['name: email, type: String, personal: hash', 'name: tier, type: Nullable(String)'];
    const asked: unknown[] = [];
    const more = 'enrich: [{ name: tiers, lookup: { dataset: persons }, on: { email: email }, take: { tier: tier } }]';
    const hash = createHmac('sha256', KEY).update('ada').digest('hex');
    const { landed } = await bench.rows(manifestOf(columns, more), ['email'], [['ada']], {
      lookup: answering("SELECT k0, 'gold' AS t0 FROM keys", asked),
    });
    expect(asked).toEqual([['tiers', [hash]]]);
    expect(landed.get(2)).toEqual([hash, 'gold']);
  });

  test('may be asked with what another has taken, and expressions see both', async () => {
    const columns = [
      ...COLUMNS.slice(0, 2),
      'name: owner, type: Nullable(UInt8)',
      'name: city, type: Nullable(String)',
      "name: both, type: Nullable(String), expression: owner || ' ' || city",
    ];
    const more =
      'enrich: [{ name: a, lookup: { dataset: a }, on: { sku: s }, take: { owner: o } }, { name: b, lookup: { dataset: b }, on: { owner: o, sku: s }, take: { city: c } }]';
    const { landed } = await bench.rows(manifestOf(columns, more), HEADER, [['1', 'a']], {
      lookup: (request) =>
        answering(
          request.name === 'a'
            ? 'SELECT k0, 7 AS t0 FROM keys'
            : "SELECT k0, k1, 'Bonn' AS t0 FROM keys WHERE k0 = 7 AND k1 = 'a'",
        )(request),
    });
    expect(landed.get(2)?.slice(2)).toEqual(['7', 'Bonn', '7 Bonn']);
  });

  test('in the manifest itself: its keys are read as the column is', async () => {
    const columns = [
      'name: rate, type: "Decimal(18, 2)"',
      'name: label, type: String',
      'name: day, type: Nullable(Date)',
    ];
    const more =
      'enrich: [{ name: labels, lookup: { rows: [{ rate: 19, text: full, day: 2007-01-01 }, { rate: "7.0", text: low }] }, on: { rate: rate }, take: { label: text, day: day }, missing: quarantine }]';
    const { landed, setAside } = await bench.rows(manifestOf(columns, more), ['rate'], [['19'], ['7.00'], ['8']]);
    expect([...landed.values()]).toEqual([
      ['19.00', 'full', '2007-01-01'],
      ['7.00', 'low', null],
    ]);
    expect(setAside.get(4)?.reason).toBe('LOOKUP_MISSING');
    const wrong = bench.rows(manifestOf(columns, more.replace('"7.0"', '7.001')), ['rate'], [['19']]);
    await expect(wrong).rejects.toThrow(
      "enrich labels: rows: '7.001' has more digits after the point than Decimal(18, 2)",
    );
  });

  test('that gives no answer is told', async () => {
    const staged = bench.rows(manifestOf(COLUMNS, lookup()), HEADER, [['1', 'a']], { lookup: () => Promise.resolve() });
    await expect(staged).rejects.toThrow('enrich prices: the lookup gave no answer');
    const short = bench.rows(manifestOf(COLUMNS, lookup()), HEADER, [['1', 'a']], {
      lookup: answering('SELECT k0, 1 AS t0 FROM keys'),
    });
    await expect(short).rejects.toThrow('enrich prices: the answer has no column t1');
  });
});
