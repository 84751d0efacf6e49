import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StagingError } from '../../../../src/datasets/staging/index.js';
import { Bench, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const COLUMNS = [
  'name: id, type: UInt64',
  'name: amount, type: "Decimal(18, 2)"',
  'name: placed, type: "DateTime64(9, \'Europe/Berlin\')"',
  'name: day, type: Date',
  'name: sku, type: String',
];
const HEADER = ['id', 'amount', 'placed', 'day', 'sku'];
const ROW = ['1', '10.50', '2024-05-01 14:00:00.123456789', '2024-05-01', 'a-1'];

describe('a column is computed', () => {
  test.each([
    ['Decimal(18, 4)', 'amount * 1.19', '12.4950'],
    ['UInt64', 'id + 1', '2'],
    ['Int8', 'id - 2', '-1'],
    ['String', "upper(sku) || '!'", 'A-1!'],
    ['Date', 'CAST(placed AS DATE)', '2024-05-01'],
    ['DateTime', "date_trunc('hour', placed)", '1714564800'],
    ["DateTime64(6, 'Asia/Tokyo')", 'placed + INTERVAL 1 HOUR', '1714568400123456'],
    ['DateTime', 'logical_date', '1714543200'],
    ['Date32', 'day + 1', '2024-05-02'],
    ['Bool', 'amount > 10', 'true'],
    ['Array(String)', "string_split(sku, '-')", '[a, 1]'],
    ['Array(UInt8)', 'list_transform([1, 2], lambda x: x * 2)', '[2, 4]'],
    ['Nullable(Float64)', 'amount / 4', '2.625'],
    ['Nullable(UInt8)', 'NULL', null],
    ['String', "CASE WHEN amount > 5 THEN 'big' ELSE 'small' END -- so far", 'big'],
    ['String', "sku[1:1] || $$;$$ || '--'", 'a;--'],
  ])('%s: %s', async (type, sql, right) => {
    const manifest = manifestOf([...COLUMNS, `name: x, type: "${type}", expression: ${JSON.stringify(sql)}`]);
    const { landed, setAside } = await bench.rows(manifest, HEADER, [ROW]);
    expect([...setAside.values()]).toEqual([]);
    expect(landed.get(2)?.[5]).toEqual(right);
  });

  test('one may use another before it', async () => {
    const manifest = manifestOf([
      ...COLUMNS,
      'name: x, type: UInt8, expression: id * 2',
      'name: y, type: UInt8, expression: X + id',
    ]);
    expect((await bench.rows(manifest, HEADER, [ROW])).landed.get(2)?.slice(5)).toEqual(['2', '3']);
  });

  test('nothing is rounded into its type', async () => {
    const manifest = manifestOf([
      ...COLUMNS,
      'name: x, type: "Decimal(18, 2)", expression: amount / 3',
      'name: y, type: "Decimal(18, 2)", expression: "round(amount / 4, 2)"',
    ]);
    const { setAside, landed } = await bench.rows(manifest, HEADER, [ROW, ['2', '9', ...ROW.slice(2)]]);
    expect(setAside.size).toBe(0);
    expect(landed.get(2)?.slice(5)).toEqual(['3.50', '2.63']);
    const third = await bench.rows(manifest, HEADER, [['1', '10', ...ROW.slice(2)]]);
    expect(third.setAside.get(2)?.detail).toBe(
      "x: '3.3333333333333335' has more digits after the point than Decimal(18, 2)",
    );
  });

  test('one that fails on a row sets that row aside alone', async () => {
    const manifest = manifestOf([
      ...COLUMNS,
      'name: x, type: Int64, expression: "CAST(sku AS BIGINT)"',
      'name: y, type: Int64, expression: x + 1',
    ]);
    const rows = ['1', 'a', '3'].map((sku) => [...ROW.slice(0, 4), sku]);
    const { landed, setAside } = await bench.rows(manifest, HEADER, rows);
    expect([...landed].map(([line, row]) => [line, row.slice(5)])).toEqual([
      [2, ['1', '2']],
      [4, ['3', '4']],
    ]);
    expect(setAside.get(3)).toMatchObject({
      reason: 'EXPRESSION',
      subject: 'x',
      detail: 'x: CAST(sku AS BIGINT) fails on this row',
    });
  });

  test('of a row whose value is bad only the value is told', async () => {
    const manifest = manifestOf([...COLUMNS, 'name: x, type: UInt64, expression: amount * 0 + id']);
    const { setAside } = await bench.rows(manifest, HEADER, [['1', 'x', ...ROW.slice(2)]]);
    expect(setAside.get(2)?.detail).toBe("amount: 'x' is no number");
  });
});

describe('an expression that is no expression of one row is refused, and says where', () => {
  test.each([
    'id +',
    'nope + 1',
    'later + 1',
    '1) , (2',
    '1) FROM range(10) t WHERE (true',
    '1) UNION ALL SELECT (2',
    '1); DROP TABLE x; SELECT (1',
    '(SELECT 1)',
    'EXISTS (SELECT 1)',
    'id IN (SELECT 1)',
    'sum(id)',
    'count(*) OVER ()',
    'COLUMNS(*)',
    '#1',
    '$1',
    '?',
    '"#s0"',
    'p."#s0"',
    'random()',
    'now()',
    'current_timestamp',
    'age(placed)',
    'current_date',
    'uuid()',
    "getvariable('penstock_hash_inner')",
    "current_setting('temp_directory')",
    "nextval('x')",
    'id + sku',
    'nosuch(id)',
  ])('%s', async (sql) => {
    const manifest = manifestOf([
      ...COLUMNS,
      `name: x, type: Nullable(String), expression: ${JSON.stringify(sql)}`,
      'name: later, type: Nullable(UInt8)',
    ]);
    const staged = bench.rows(manifest, [...HEADER, 'later'], [[...ROW, '1']]);
    await expect(staged).rejects.toThrow(StagingError);
    await expect(staged).rejects.toThrow(/^x: expression: /);
  });
});

test.each([
  ['(SELECT 1)', 'subquery is not allowed'],
  ['count(*) OVER ()', 'window is not allowed'],
  ['#1', 'positional reference is not allowed'],
  ['$1', 'parameter is not allowed'],
  ['COLUMNS(*)', 'star is not allowed'],
  ['sum(id)', 'sum is no function of one row'],
  ['now()', 'now is another value at another time; logical_date is the time of the run'],
  ['nope + 1', 'there is no column nope before it; there are id, amount, placed, day, sku, logical_date'],
  ['1) , (2', 'this is not one expression'],
])('the sentence says why: %s', async (sql, why) => {
  const manifest = manifestOf([...COLUMNS, `name: x, type: Nullable(String), expression: ${JSON.stringify(sql)}`]);
  await expect(bench.rows(manifest, HEADER, [ROW])).rejects.toThrow(
    `x: expression: ${why}: ${sql}`.replace(/(logical_date): nope.*/, '$1'),
  );
});

describe('an expression reaches neither files nor network nor settings', () => {
  test.each([
    "(SELECT column0 FROM read_csv('/etc/passwd') LIMIT 1)",
    "read_text('/etc/passwd')",
    "1) FROM read_csv('/etc/passwd') WHERE (true",
    "1); COPY (SELECT 1) TO '/tmp/penstock-stolen.csv'; SELECT (1",
    "1); ATTACH '/tmp/penstock-stolen.db'; SELECT (1",
    '1); INSTALL httpfs; SELECT (1',
    '1); PRAGMA database_list; SELECT (1',
    "1); SET memory_limit = '1TB'; SELECT (1",
    "query('SELECT 1')",
    "parquet_metadata('/etc/passwd')",
    "glob('/etc/*')",
  ])('%s', async (sql) => {
    const manifest = manifestOf([...COLUMNS, `name: x, type: Nullable(String), expression: ${JSON.stringify(sql)}`]);
    await expect(bench.rows(manifest, HEADER, [ROW])).rejects.toThrow(StagingError);
    expect(['/tmp/penstock-stolen.csv', '/tmp/penstock-stolen.db'].some((path) => existsSync(path))).toBe(false);
  });

  test('nor does DuckDB itself, outside of its folders', async () => {
    const manifest = manifestOf(COLUMNS);
    const piece = {
      kind: 'separated',
      columns: HEADER,
      records: 1,
      read: 1,
      rejected: [],
      marks: [{ record: 0, source: 'x', line: 1 }],
    } as const;
    const staged = bench.piece(manifest, {
      ...piece,
      path: '/etc/passwd',
      columns: [...HEADER],
      rejected: [],
      marks: [...piece.marks],
    });
    await expect(staged).rejects.toThrow(/Permission Error/);
    expect(existsSync(join(bench.dir, 'rows.csv'))).toBe(true);
  });
});
