import { describe, expect, it, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseManifest } from '../../../src/datasets/index.js';
import { YamlError } from '../../../src/yaml/index.js';

const ORDERS = `version: penstock/v1
name: orders
description: Orders of the shop, one row each
source:
  type: objects
  bucket: shop-exports
  match: ['orders/*.csv.gz']
format: { type: csv, delimiter: ';' }
columns:
  - { name: order_id, from: id, type: UInt64 }
  - { name: ordered_at, type: "DateTime64(3, 'Europe/Berlin')", clean: [trim, { time: { format: '%d.%m.%Y %H:%M' } }] }
  - { name: amount, type: 'Decimal(18, 2)', clean: [{ number: { decimal: ',', group: '.' } }], unit: EUR }
  - { name: email, type: String, personal: hash }
  - { name: segment, type: LowCardinality(Nullable(String)) }
enrich:
  - name: customers
    lookup: { dataset: customers }
    on: { email: email }
    take: { segment: segment }
checks:
  rows: [{ name: positive, expression: amount > 0 }]
  columns: [{ column: order_id, unique: true, action: fail }]
target:
  mode: append
  key: [order_id]
  partitionBy: toYYYYMM(ordered_at)
  orderBy: [ordered_at, order_id]
  ttl: { column: ordered_at, after: 800d }
`;

type Json = Record<string, unknown>;

/** The manifest with something else at a path; undefined takes it out. */
function but(path: readonly (string | number)[], value: unknown): string {
  const manifest = parse(ORDERS) as Json;
  const last = path.at(-1) ?? '';
  const around = path.slice(0, -1).reduce<Json>((at, key) => at[key] as Json, manifest);
  if (value === undefined) Reflect.deleteProperty(around, last);
  else around[last] = value;
  return stringify(manifest);
}

function refusal(text: string): string {
  try {
    parseManifest(text, 'orders.yaml');
  } catch (error) {
    if (error instanceof YamlError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

test('a manifest is read with its defaults, and its hash is that of its text', () => {
  const { manifest, hash } = parseManifest(ORDERS, 'orders.yaml');
  expect(manifest).toMatchObject({
    ...{ name: 'orders', enrich: [{ missing: 'null', several: 'fail' }] },
    source: { type: 'objects', select: 'new', onUpload: false },
    format: { type: 'csv', delimiter: ';', quote: '"', encoding: 'auto', nulls: [''], missingColumns: 'quarantine' },
    checks: { maxQuarantined: '5 %', rows: [{ action: 'quarantine' }] },
    schema: { newColumns: 'ignore', missingColumns: 'freeze', badValues: 'quarantine' },
    target: { mode: 'append', replace: 'all' },
  });
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(parseManifest(`${ORDERS}# more\n`, 'orders.yaml').hash).not.toBe(hash);
});

test('what is wrong is told by line and column, all at once', () => {
  const text = ORDERS.replace('name: orders', 'name: Orders').replace('type: UInt64', 'type: Number');
  expect(refusal(text)).toBe(
    [
      "orders.yaml:2:7: name: 'Orders', should be small letters, digits and underscores, like orders or web_orders",
      "orders.yaml:10:39: columns[0].type: 'Number', should be a type of ClickHouse that is loaded exactly, like UInt64, Decimal(18, 2) or DateTime64(3)",
    ].join('\n'),
  );
});

describe('a manifest that is wrong is refused:', () => {
  it.each<[string, (string | number)[], unknown, RegExp]>([
    ['no such key', ['source', 'buckt'], 'x', /source\.buckt: no such key; there are type, bucket, match, select/],
    ['no such source', ['source', 'type'], 'ftp', /source.*should be type objects, files or http/],
    ['no such version', ['version'], 'penstock/v2', /version: 'penstock\/v2', should be penstock\/v1/],
    ['no columns', ['columns'], [], /columns: should be a list of columns/],
    [
      'a column twice',
      ['columns', 1, 'name'],
      'order_id',
      /columns\[1\]\.name: 'order_id', columns\[0\] has it already/,
    ],
    [
      'a delimiter of two bytes',
      ['format', 'delimiter'],
      '§',
      /format\.delimiter: '§', should be one character of ASCII/,
    ],
    ['a delimiter of two characters', ['format', 'delimiter'], '||', /format\.delimiter: .*should be one character/],
    [
      'a delimiter that ends lines',
      ['format', 'delimiter'],
      '\n',
      /format\.delimiter: '\n', should be .* ends no line/,
    ],
    ['a NUL as delimiter', ['format', 'delimiter'], '\0', /format\.delimiter: .*should be one character/],
    ['a quote of two bytes', ['format', 'quote'], '«', /format\.quote: '«', should be one character of ASCII/],
    ['a quote that is the delimiter', ['format', 'quote'], ';', /format\.quote: ";" is the delimiter as well/],
    [
      'a quote that is the usual delimiter',
      ['format'],
      { type: 'csv', quote: ',' },
      /format\.quote: "," is the delimiter/,
    ],
    [
      'a quote that is the tabulator',
      ['format'],
      { type: 'tsv', delimiter: '\\t', quote: '\t' },
      /format\.quote: "\\t" is the delimiter/,
    ],
    ['from and expression', ['columns', 0, 'expression'], '1', /order_id: from or expression, not both/],
    ['required and Nullable', ['columns', 4, 'required'], true, /segment: required, and its type/],
    ['nothing in what holds none', ['columns', 0, 'required'], false, /make it Nullable\(UInt64\), or give a default/],
    ['a hash that is a number', ['columns', 0, 'personal'], 'hash', /order_id: the hash is a text/],
    ['a lookup that fills what is not declared', ['enrich', 0, 'take'], { city: 'c' }, /take: declare city in columns/],
    ['a lookup by what is not there', ['enrich', 0, 'on'], { nobody: 'x' }, /enrich\[0\]\.on: no column nobody/],
    ['a key that does not land', ['target', 'key'], ['id'], /target\.key: no column id lands/],
    ['an order by what may be nothing', ['target', 'orderBy'], ['segment'], /segment may be nothing/],
    ['partitions that there are not', ['target', 'replace'], 'partitions', /target\.replace: only with mode: replace/],
    ['a TTL of no time', ['target', 'ttl', 'column'], 'order_id', /order_id is no column with a time or a date/],
    ['a check of nothing', ['checks', 'columns'], [{ column: 'email' }], /what has to hold of email\?/],
    ['a share that is none', ['checks', 'maxQuarantined'], '101 %', /should be a share, like 0\.5 %/],
    [
      'two checks of a name',
      ['checks', 'rows', 1],
      { name: 'positive', expression: '1' },
      /'positive' is there already/,
    ],
  ])('%s', (_, path, value, message) => {
    expect(refusal(but(path, value))).toMatch(message);
  });

  const http = { type: 'http', url: 'https://api.example/v1/orders' };
  it.each<[string, unknown, RegExp]>([
    ['a login in the address', { ...http, url: 'https://a:b@api.example/' }, /source\.url: .*without a login/],
    [
      'a secret in place of its name',
      { ...http, auth: { type: 'bearer', secret: 's3cr3t-value' } },
      /the name of a secret/,
    ],
    ['a body without POST', { ...http, body: { a: 1 } }, /source\.body: only with method: POST/],
    ['a cursor in CSV', { ...http, pagination: { type: 'cursor', next: 'next' } }, /cursor is read from JSON/],
    [
      'a rate of nothing',
      { ...http, requestsPerSecond: 0 },
      /source\.requestsPerSecond: 0, should be a number above 0/,
    ],
  ])('%s', (_, source, message) => {
    expect(refusal(but(['source'], source))).toMatch(message);
  });
});
