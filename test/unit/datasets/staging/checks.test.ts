import { afterAll, beforeAll, expect, test } from 'vitest';
import { StagingError } from '../../../../src/datasets/staging/index.js';
import { Bench, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const COLUMNS = [
  'name: id, type: UInt8',
  'name: amount, type: "Nullable(Decimal(18, 2))"',
  'name: sku, type: Nullable(String)',
];
const HEADER = ['id', 'amount', 'sku'];
const rows = [
  ['1', '5', 'ab-1'],
  ['2', '-5', 'x'],
  ['3', '', ''],
  ['x', '-5', 'x'],
];
const staged = (checks: string) => bench.rows(manifestOf(COLUMNS, `checks: { ${checks} }`), HEADER, rows);

test('a check of rows has to be true; nothing is not, and a row that is bad already is not asked', async () => {
  const { setAside } = await staged('rows: [{ name: positive, expression: amount > 0 }]');
  expect([...setAside.values()].map(({ line, reason, subject, detail }) => [line, reason, subject, detail])).toEqual([
    [3, 'CHECK', 'positive', 'positive: amount > 0 does not hold'],
    [4, 'CHECK', 'positive', 'positive: amount > 0 does not hold'],
    [5, 'BAD_VALUE', 'id', "id: 'x' is no whole number"],
  ]);
});

test('a warning counts rows that land, and lets them', async () => {
  const found = await staged(
    'rows: [{ name: positive, expression: amount > 0, action: warn }, { name: known, expression: sku IS NOT NULL, action: warn }]',
  );
  expect(found).toMatchObject({ rows: 3, quarantined: 1, warned: { positive: 2, known: 1 } });
  expect(found.failure).toBeUndefined();
});

test('a check that fails the run names a line', async () => {
  expect((await staged('rows: [{ name: positive, expression: amount > 0, action: fail }]')).failure).toBe(
    'positive: amount > 0 does not hold (line 3 of rows.csv, and 1 rows more)',
  );
});

test('a check that fails on a row does not hold of it', async () => {
  const { setAside } = await staged('rows: [{ name: number, expression: "CAST(sku AS BIGINT) > 0" }]');
  expect([...setAside.values()].map(({ reason }) => reason)).toEqual(['CHECK', 'CHECK', 'CHECK', 'BAD_VALUE']);
});

test.each<[string, [number, string][]]>([
  ['column: amount, min: 0', [[3, 'amount: -5.00 is less than 0']]],
  ['column: amount, max: "-4.5"', [[2, 'amount: 5.00 is more than -4.5']]],
  ['column: id, values: [1, 3]', [[3, 'id: 2 is none of its values']]],
  // Some part of the text has to fit.
  ['column: sku, pattern: "[0-9]"', [[3, 'sku: x does not fit [0-9]']]],
  ['column: sku, pattern: "[a-z]+-[0-9]+"', [[3, 'sku: x does not fit [a-z]+-[0-9]+']]],
  [
    'column: sku, pattern: "^b"',
    [
      [2, 'sku: ab-1 does not fit ^b'],
      [3, 'sku: x does not fit ^b'],
    ],
  ],
])('a check of a column says nothing of nothing: %s', async (check, right) => {
  const { setAside } = await staged(`columns: [{ ${check} }]`);
  expect(
    [...setAside.values()].filter(({ reason }) => reason === 'CHECK').map(({ line, detail }) => [line, detail]),
  ).toEqual(right);
});

test('limits of times and days are read as the column is', async () => {
  const columns = ['name: at, type: "DateTime64(3, \'Europe/Berlin\')"', 'name: day, type: Date'];
  const checks = 'checks: { columns: [{ column: at, min: 2024-05-01 00:00:00 }, { column: day, max: 2024-05-01 }] }';
  const { landed } = await bench.rows(
    manifestOf(columns, checks),
    ['at', 'day'],
    [
      ['2024-04-30T22:00:00Z', '2024-05-01'],
      ['2024-04-30T21:59:59.999Z', '2024-05-01'],
      ['2024-05-01', '2024-05-02'],
    ],
  );
  expect([...landed.keys()]).toEqual([2]);
});

test.each([
  ['rows: [{ name: a, expression: nope > 1 }]', 'check a: there is no column nope'],
  ['rows: [{ name: a, expression: "sku LIKE" }]', 'check a: syntax error'],
  ['rows: [{ name: a, expression: "id + 1" }]', 'check a: this is BIGINT, and neither true nor false'],
  ['columns: [{ column: id, min: 1.5 }]', "checks.columns: id: '1.5' is no whole number"],
  ['columns: [{ column: sku, pattern: "(" }]', 'checks.columns: sku: pattern'],
])('a check that is none is refused at once: %s', async (checks, message) => {
  const wrong = staged(checks);
  await expect(wrong).rejects.toThrow(StagingError);
  await expect(wrong).rejects.toThrow(message);
});
