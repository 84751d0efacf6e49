import { describe, expect, it, test } from 'vitest';
import { manifestWarnings, parseManifest } from '../../../../src/datasets/index.js';
import { findDialect } from '../../../../src/datasets/proposal/dialect.js';
import { datasetName, filePattern } from '../../../../src/datasets/proposal/names.js';
import { fileOf, proposed } from './rig.js';

const ORDERS = Array.from({ length: 90 }, (_, index) => {
  const country = ['DE', 'AT', 'CH'][index % 3] ?? '';
  return `${Math.floor(index / 3) + 1},${(index % 3) + 1},${country},2024-0${1 + (index % 4)}-11T10:00:0${index % 10}Z,${index % 20}`;
});
const LINES = `order_id,line_no,country,ordered_at,quantity\n${ORDERS.join('\n')}\n`;

async function target(csv: string) {
  const { manifest, text } = await proposed(await fileOf('a.csv', csv));
  return { ...manifest.target, checks: manifest.checks.columns, text, manifest };
}

describe('the key is', () => {
  it.each<[string, string, string[] | undefined]>([
    [
      'the column that is named so, not one before it that is unlike too',
      'amount,order_id\n1.5,7\n2.5,8\n3.5,9\n',
      ['order_id'],
    ],
    ['two columns where one is not enough', LINES, ['order_id', 'line_no']],
    ['that of rows that are alike in everything, as those are duplicates', 'id,x\n1,a\n2,b\n2,b\n3,c\n', ['id']],
    [
      'a day and a word, of figures for each',
      'day,country,visits\n2024-01-01,DE,1\n2024-01-01,AT,2\n2024-01-02,DE,3\n2024-01-02,AT,4\n',
      ['day', 'country'],
    ],
    ['not what is nothing in some rows', 'order_id,x\n1,a\n,b\n3,c\n', ['x']],
    [
      'none where only amounts and times are unlike',
      'amount,at\n1.5,2024-01-01 10:00:00\n2.5,2024-01-01 10:00:01\n',
      undefined,
    ],
    ['none of one row', 'id,x\n1,a\n', undefined],
  ])('%s', async (_, csv, key) => {
    expect((await target(csv)).key).toEqual(key);
  });
});

test('rows are sorted by what has few values, then the time, then the key, and parted by month', async () => {
  const { orderBy, partitionBy, ttl, mode, checks, text } = await target(LINES);
  expect({ orderBy, partitionBy, ttl, mode }).toEqual({
    ...{ orderBy: ['country', 'ordered_at', 'order_id', 'line_no'], partitionBy: 'toYYYYMM(ordered_at)' },
    ...{ ttl: undefined, mode: 'append' },
  });
  expect(text).toContain('# ttl: { column: ordered_at, after: 730d }');
  expect(text).toContain('# key: no two of 90 rows are alike in it.');
  expect(text).toContain('the sample has rows of 4.');
  expect(checks).toEqual([{ column: 'quantity', min: 0, action: 'warn' }]);
});

test('what is proposed gives those who run ClickHouse nothing to warn about but that it is kept for ever', async () => {
  const { manifest, text } = await target(LINES);
  expect(manifestWarnings(manifest).map(({ message }) => message)).toEqual([
    'nothing is ever deleted from it: give a ttl, or mean it',
  ]);
  const uncommented = text.replace('# ttl: {', 'ttl: {');
  expect(manifestWarnings(parseManifest(uncommented, 'a.yaml').manifest)).toEqual([]);
});

test('the time of a row is when it came to be, not when it changed', async () => {
  const csv =
    'id,updated_at,due_date,created_at\n1,2024-01-02,2024-01-01,2024-01-01\n2,2024-01-02,2024-01-05,2024-01-01\n';
  expect((await target(csv)).partitionBy).toBe('toYYYYMM(created_at)');
  expect((await target('id,born\n1,\n2,2024-01-01\n')).partitionBy).toBeUndefined();
});

test('a key of one column is checked, and rows alike in everything are counted', async () => {
  const { checks, text } = await target('id,x\n1,a\n2,b\n2,b\n3,c\n');
  expect(checks).toEqual([{ column: 'id', unique: true, action: 'warn' }]);
  expect(text).toContain('# 1 of 4 rows equal another in everything.');
});

test('a dataset is named like its file, without dates, and its pattern takes the files of other days', () => {
  expect(
    ['orders-2024-01-05.csv.gz', 'Web Orders (3).csv', '20240105.csv', 'ÜbersichtTag.json'].map(datasetName),
  ).toEqual(['orders', 'web_orders', 'dataset', 'uebersicht_tag']);
  expect(['orders-2024-01-05.csv.gz', 'all.csv', 'part_0001.parquet'].map(filePattern)).toEqual([
    'orders-*.csv.gz',
    'all.csv',
    'part_*.parquet',
  ]);
});

test('a sample whose texts look like YAML or comments leaves the manifest what it is', async () => {
  const nasty = [
    '# x',
    "': {}",
    'a\nname: evil',
    'x\u2028- b',
    '{{since}}',
    '*alias',
    '&anchor',
    '!!tag',
    '%YAML',
    '---',
  ];
  const header = nasty.map((text) => `"${text}"`).join(',');
  const row = nasty.map((text) => `"${text}"`).join(',');
  const { manifest } = await proposed(await fileOf('a.csv', `${header}\n${`${row}\n`.repeat(4)}`));
  expect(manifest.name).toBe('a');
  expect(manifest.columns.map(({ from, name }) => from ?? name)).toEqual(nasty);
  const twice = await proposed(await fileOf('a.csv', 'id,"x\ry: 1","x\ry: 1"\n1,2,3\n2,3,4\n'));
  expect(twice.notes).toHaveLength(1);
  expect(twice.text.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
});

describe('the dialect is found', () => {
  it.each<[string, string, object]>([
    ['although another character is in more texts', 'id;note\n1;a, b, c\n2;d, e, f\n', { delimiter: ';', width: 2 }],
    ['although some rows are broken', 'a,b\n1,2\n3\n4,5,6\n7,8\n9,0\n', { delimiter: ',', width: 2, skip: 0 }],
    ['with lines within quotes', 'a,b\n"x\ny, z",1\n"p\nq",2\n', { width: 2, quote: '"', skip: 0 }],
    [
      'with quotes within texts that are no quotes',
      'a|b\n5" pipe|1\n"big|2\n7" pipe|3\n',
      { delimiter: '|', quote: '', width: 2 },
    ],
    [
      'after lines that are not of the table',
      'Report\nof 1.1.2024, 10:00\n\na,b,c\n1,2,3\n4,5,6\n',
      { skip: 3, width: 3 },
    ],
    ['of rows that end in a delimiter', 'a;b\n1;2;\n3;4;\n5;6;\n', { skip: 0, width: 3, isTrailing: true }],
    ['of one column', 'a\n1\n2\n', { width: 1, skip: 0 }],
  ])('%s', (_, text, dialect) => {
    expect(findDialect(text)).toMatchObject(dialect);
  });
});
