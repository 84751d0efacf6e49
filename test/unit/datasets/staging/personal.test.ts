import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HASH_KEY } from '../../../../src/datasets/staging/index.js';
import { Bench, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const COLUMNS = [
  'name: n, type: UInt8',
  'name: email, type: Nullable(String), personal: hash, clean: [trim, lower]',
  'name: born, type: Nullable(Date32), personal: drop',
  "name: adult, type: Nullable(Bool), expression: born < DATE '2006-01-01'",
];
const SECRET = 'ada@example.org';

test.each(['k', 'a key of 64 bytes and more'.repeat(5), 'schlüssel'])(
  'a hash is the HMAC-SHA-256 of the text, keyed with %s',
  async (key) => {
    const texts = [SECRET, 'ü', 'x'.repeat(1_000), ''];
    const asked: string[] = [];
    const { landed } = await bench.rows(
      manifestOf(COLUMNS),
      ['n', 'email', 'born'],
      texts.map((text, index) => [String(index), text, '2000-01-01']),
      {
        secrets: (name) => {
          asked.push(name);
          return key;
        },
      },
    );
    expect([...landed.values()].map(([, hash]) => hash)).toEqual(
      texts.map((text) => (text === '' ? null : createHmac('sha256', key).update(text).digest('hex'))),
    );
    expect(asked).toEqual([HASH_KEY]);
  },
);

test('what is dropped is there for expressions and checks, and does not land', async () => {
  const manifest = manifestOf(
    COLUMNS,
    `checks: { columns: [{ column: n, max: 5 }], rows: [{ name: born, expression: "born > DATE '1900-01-01'" }] }`,
  );
  const { landed, setAside } = await bench.rows(
    manifest,
    ['n', 'email', 'born'],
    [
      ['1', SECRET, '2000-01-01'],
      ['2', SECRET, ''],
    ],
  );
  expect(landed.get(2)).toEqual(['1', createHmac('sha256', 'a key of a test').update(SECRET).digest('hex'), 'true']);
  expect(setAside.get(3)).toMatchObject({ reason: 'CHECK', subject: 'born' });
});

test('no text of a person is in what is set aside', async () => {
  const manifest = manifestOf(
    [
      ...COLUMNS.slice(0, 3),
      'name: code, type: UInt8, expression: email || born',
      'name: iban, type: UInt32, personal: drop, clean: [{ map: { a: "1" }, else: quarantine }]',
    ],
    'checks: { columns: [{ column: email, pattern: "[a-z]+@x" }] }',
  );
  const rejected = [
    { source: 'rows.csv', line: 9, reason: 'MALFORMED', detail: 'no end of a quote', raw: `"${SECRET}` },
  ] as const;
  const staged = await bench.rows(
    manifest,
    ['n', 'email', 'born', 'iban'],
    [
      ['1', SECRET, '2001-02-03', 'DE12'],
      ['x', SECRET, '03.02.2001', 'a'],
    ],
    { rejected: [...rejected] },
  );
  expect(staged).toMatchObject({ read: 3, rows: 0, quarantined: 3 });
  const written = await readFile(staged.quarantinePath ?? '', 'utf8');
  expect(written).not.toMatch(/ada|example|2001|DE12/);
  expect(staged.setAside.get(3)).toMatchObject({
    detail: "n: 'x' is no whole number; born: the value is no day like 2024-05-01",
    raw: '{"n":"x","email":"[personal]","born":"[personal]","iban":"[personal]"}',
  });
  expect(staged.setAside.get(9)).toMatchObject({ reason: 'MALFORMED', raw: '[personal]' });
});

test('of JSON the whole key at the top is hidden, however often it is there', async () => {
  const manifest = manifestOf(
    ['name: n, type: UInt8', 'name: email, from: who.email, type: String, personal: drop'],
    '',
    'type: ndjson',
  );
  const { setAside } = await bench.json(manifest, [
    `{"n":"x","who":{"email":"${SECRET}"},"more":1,"who":{"email":"${SECRET}"}}`,
    `{"n":${SECRET}`,
  ]);
  expect(JSON.parse(setAside.get(1)?.raw ?? '')).toEqual({ n: 'x', who: '[personal]', more: 1 });
  expect(setAside.get(1)?.raw).not.toContain(SECRET);
  expect(setAside.get(2)).toMatchObject({ reason: 'MALFORMED', raw: '[personal]' });
});
