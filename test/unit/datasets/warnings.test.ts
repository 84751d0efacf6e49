import { expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import { manifestWarnings, parseManifest } from '../../../src/datasets/index.js';

interface Target {
  [key: string]: unknown;
}

/** What is warned of in a dataset of these columns and with this target. */
function warned(target: Target, columns: Record<string, string> = {}, source: object = OBJECTS): string[] {
  const manifest = {
    ...{ version: 'penstock/v1', name: 'orders', source, format: { type: 'json' } },
    columns: Object.entries({ id: 'UInt64', at: 'DateTime64(3)', ...columns }).map(([name, type]) => ({ name, type })),
    target: { mode: 'append', ...target },
  };
  return manifestWarnings(parseManifest(stringify(manifest), 'orders.yaml').manifest).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );
}

const OBJECTS = { type: 'objects', bucket: 'shop-exports', match: ['orders/*.json'] };
const WELL: Target = { partitionBy: 'toYYYYMM(at)', orderBy: ['at', 'id'], ttl: { column: 'at', after: '400d' } };

test('a dataset as it should be is warned of nothing', () => {
  expect(warned(WELL)).toEqual([]);
});

it.each<[string, Target, Record<string, string>, RegExp]>([
  ['money in a float', WELL, { total_price: 'Float64' }, /^columns\.2\.type: total_price: Float64 rounds money/],
  ['a date that holds no birthdays', WELL, { born: 'Nullable(Date)' }, /born: Date holds 1970 to 2149/],
  [
    'a partition for each value',
    { ...WELL, partitionBy: 'id' },
    {},
    /^target\.partitionBy: a partition for each value/,
  ],
  [
    'years of daily partitions',
    { ...WELL, partitionBy: 'toDate(at)', ttl: { column: 'at', after: '2000d' } },
    {},
    /2000/,
  ],
  [
    'daily partitions for ever',
    { ...WELL, mode: 'replace', partitionBy: 'toYYYYMMDD(at)', ttl: undefined },
    {},
    /kept for ever/,
  ],
  ['a TTL without partitions', { ...WELL, partitionBy: undefined }, {}, /^target\.ttl: without partitions/],
  ['a table that only grows', { ...WELL, ttl: undefined }, {}, /^target: nothing is ever deleted/],
  ['an order by chance', { ...WELL, orderBy: ['uid'] }, { uid: 'UUID' }, /^target\.orderBy\.0: uid is random/],
  ['a key that lies apart', { ...WELL, orderBy: ['at'], key: ['id'] }, {}, /^target\.key: id of the key is not in/],
])('%s is warned of', (_, target, columns, message) => {
  expect(warned(target, columns)).toEqual([expect.stringMatching(message)]);
});

test('columns that mostly may be nothing, and an order by many, are warned of', () => {
  const columns = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, 'Nullable(String)']));
  expect(warned(WELL, columns)).toEqual([expect.stringMatching(/^columns: 6 of 8 columns are Nullable/)]);
  const orderBy = ['at', 'id', 'a', 'b', 'c', 'd'];
  const texts = Object.fromEntries(orderBy.slice(2).map((name) => [name, 'String']));
  expect(warned({ ...WELL, orderBy }, texts)).toEqual([expect.stringMatching(/^target\.orderBy: 6 columns/)]);
});

test('what is read whole and appended with every run is warned of', () => {
  const http = { type: 'http', url: 'https://api.example/v1/orders' };
  expect(warned(WELL, {}, http)).toEqual([expect.stringMatching(/^source: each run reads all of it/)]);
  expect(warned({ ...WELL, key: ['id'] }, {}, http)).toEqual([]);
});
