import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it, test } from 'vitest';
import { parseManifest, ProposalError, proposeManifest } from '../../../../src/datasets/index.js';
import { writeManifest } from '../../../../src/datasets/proposal/write.js';
import { MAX_FILE_BYTES } from '../../../../src/yaml/index.js';
import { fileOf, folder, proposed } from './rig.js';

const ROWS = Array.from({ length: 20 }, (_, index) => `${index + 1};Straße ${index};${index},50`);
const CSV = `id;name;price\n${ROWS.join('\n')}\n`;
const TYPES = ['UInt64', 'String', 'Decimal(18, 2)'];

const typesIn = ({ columns }: { columns: readonly { type: string }[] }): string[] => columns.map(({ type }) => type);

/** Writes what a query of DuckDB gives. */
async function written(query: string, name: string, how: string): Promise<string> {
  const file = join(await folder(), name);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (${query}) TO '${file}' (${how})`);
  connection.closeSync();
  instance.closeSync();
  return file;
}

describe('a CSV is read', () => {
  it.each<[string, string, string | Buffer, object]>([
    ['with its delimiter', 'a.csv', CSV, { type: 'csv', delimiter: ';', header: true, skip: 0 }],
    ['with ends of lines of Windows', 'a.csv', CSV.replaceAll('\n', '\r\n'), { type: 'csv', delimiter: ';' }],
    ['with ends of lines of old', 'a.csv', CSV.replaceAll('\n', '\r'), { type: 'csv', delimiter: ';' }],
    ['with lines before its header', 'a.csv', `Export of the shop\n"of; today"\n\n${CSV}`, { skip: 3, header: true }],
    ['with a mark of UTF-8', 'a.csv', `\uFEFF${CSV}`, { encoding: 'auto' }],
    ['in Latin-1', 'a.csv', Buffer.from(CSV, 'latin1'), { encoding: 'latin-1' }],
    ['in UTF-16', 'a.csv', Buffer.from(`\uFEFF${CSV}`, 'utf16le'), { encoding: 'auto' }],
    ['in gzip', 'a.csv.gz', gzipSync(CSV), { type: 'csv', compression: 'auto' }],
    ['in several members of gzip', 'a.gz', Buffer.concat([gzipSync(CSV.slice(0, 99)), gzipSync(CSV.slice(99))]), {}],
    ['with tabulators, whatever its name', 'a.csv', CSV.replaceAll(';', '\t'), { type: 'tsv' }],
    ['with bars', 'a.txt', CSV.replaceAll(';', '|'), { type: 'csv', delimiter: '|' }],
    ['with apostrophes around texts', 'a.csv', CSV.replaceAll(/(Straße \d+)/g, "'$1; $1'"), { quote: "'" }],
  ])('%s', async (_, name, content, format) => {
    const { manifest, rows, isWhole } = await proposed(await fileOf(name, content));
    expect(manifest.format).toMatchObject(format);
    expect([typesIn(manifest), rows, isWhole]).toEqual([TYPES, 20, true]);
  });

  it('in zstd', async () => {
    const file = await written(
      "SELECT range AS id, 'x' || range AS name FROM range(50)",
      'a.csv.zst',
      'FORMAT csv, COMPRESSION zstd',
    );
    const { manifest, rows } = await proposed(file);
    expect([typesIn(manifest), rows]).toEqual([['UInt64', 'String'], 50]);
  });

  it('without a header, and says so', async () => {
    const { manifest, notes } = await proposed(await fileOf('a.csv', '1,ann,2.5\n2,bob,3.5\n'));
    expect(manifest.format).toMatchObject({ header: false });
    expect(notes).toEqual(['The first row is no header: columns are from c1, c2 and so on; give them names.']);
    expect(manifest.columns.map(({ name }) => name)).toEqual(['c1', 'c2', 'c3']);
  });

  it('and rows that are broken are told, not taken for nothing', async () => {
    const { manifest, notes, rows } = await proposed(await fileOf('a.csv', `${CSV}21;x\n22;y;1,00;z\n`));
    expect([typesIn(manifest), rows]).toEqual([TYPES, 20]);
    expect(notes).toEqual([expect.stringMatching(/^2 rows have more or fewer fields .*first in line 22/)]);
  });

  it('as far as the first rows go', async () => {
    const file = await fileOf('a.csv', CSV);
    expect(await proposed(file, { rows: 20 })).toMatchObject({ rows: 20, isWhole: true });
    const { rows, isWhole, text } = await proposed(file, { rows: 7 });
    expect([rows, isWhole]).toEqual([7, false]);
    expect(text).toContain('its first 7 rows');
  });

  it('as far as the first bytes go, without the row that they cut', async () => {
    const { rows, isWhole, manifest, notes } = await proposed(await fileOf('a.csv', CSV), { bytes: 190 });
    expect([rows, isWhole, typesIn(manifest), notes]).toEqual([10, false, TYPES, []]);
  });

  it('and a column without a name, or with that of another, is left out and told', async () => {
    const { manifest, notes } = await proposed(await fileOf('a.csv', 'id,, x ,X\n1,2,3,4\n2,3,4,5\n'));
    expect(manifest.columns.map(({ name }) => name)).toEqual(['id', 'x']);
    expect(notes).toEqual([
      expect.stringMatching(/^Column 2 has no name in the header: a run refuses such a file/),
      expect.stringMatching(/^Column 4 is another 'X' in the header/),
    ]);
  });
});

describe('JSON is read', () => {
  const records = Array.from({ length: 12 }, (_, index) => ({
    id: index,
    customer: { id: `c${index}`, address: { city: 'Ulm' } },
    tags: index % 2 ? ['a', 'b'] : [],
    sizes: [index, index + 1],
    lines: [{ sku: 'a', count: 1 }],
    mixed: index % 2 ? 'x' : { y: 1 },
    gift: index === 3 ? null : true,
  }));
  const columns = [
    ...[
      { name: 'id', type: 'UInt64' },
      { name: 'customer_id', from: 'customer.id', type: 'String' },
    ],
    { name: 'customer_address_city', from: 'customer.address.city', type: 'LowCardinality(String)' },
    ...[
      { name: 'tags', type: 'Array(String)' },
      { name: 'sizes', type: 'Array(Int64)' },
    ],
    ...[
      { name: 'lines', type: 'LowCardinality(String)' },
      { name: 'mixed', type: 'String' },
    ],
    { name: 'gift', type: 'Nullable(Bool)' },
  ];

  it.each<[string, string, string, object]>([
    ['a value in each line', 'a.ndjson', records.map((one) => JSON.stringify(one)).join('\n'), { type: 'ndjson' }],
    [
      'a value in each line, whatever its name',
      'a.json',
      records.map((one) => JSON.stringify(one)).join('\n'),
      { type: 'ndjson' },
    ],
    ['a list', 'a.json', JSON.stringify(records, undefined, 2), { type: 'json' }],
    [
      'a list within',
      'a.json',
      JSON.stringify({ page: [{ n: 1 }], data: { items: records } }),
      { type: 'json', records: 'data.items' },
    ],
  ])('with %s', async (_, name, content, format) => {
    const { manifest, rows } = await proposed(await fileOf(name, content));
    expect([manifest.format, rows]).toMatchObject([format, 12]);
    expect(
      manifest.columns.map(({ type, ...column }) => ({
        ...column,
        type: type.replace('LowCardinality(String)', 'String'),
      })),
    ).toMatchObject(
      columns.map(({ type, ...column }) => ({ ...column, type: type.replace('LowCardinality(String)', 'String') })),
    );
  });

  it('without a number being rounded', async () => {
    const numbers = '{"big":9223372036854775808,"fine":0.12345678901234567891,"money":12.30,"small":1e-9,"text":"007"}';
    const { manifest } = await proposed(await fileOf('a.ndjson', `${numbers}\n${numbers}\n`));
    expect(typesIn(manifest)).toEqual([
      'UInt64',
      'Decimal(38, 20)',
      'Decimal(18, 2)',
      'Float64',
      'LowCardinality(String)',
    ]);
  });

  it('with an empty text that is no nothing, and a list that is', async () => {
    const { manifest } = await proposed(
      await fileOf('a.ndjson', '{"a":"","b":["x"]}\n{"a":"x"}\n{"a":"y","b":["z"]}\n'),
    );
    expect(manifest.columns).toMatchObject([
      { name: 'a', type: 'String' },
      { name: 'b', type: 'Array(String)', required: false, default: '[]' },
    ]);
  });

  it('as far as the first bytes of a list go', async () => {
    const list = JSON.stringify(Array.from({ length: 500 }, (_, index) => ({ id: index, name: `ü${index}` })));
    const { rows, isWhole, manifest } = await proposed(await fileOf('a.json', list), { bytes: 1_000 });
    expect(isWhole).toBe(false);
    expect(rows).toBeGreaterThan(30);
    expect(typesIn(manifest)).toEqual(['UInt64', 'String']);
  });

  it('and keys that are values stay JSON', async () => {
    const lines = Array.from({ length: 200 }, (_, index) =>
      JSON.stringify({ id: index, prices: { [`p${index}`]: index } }),
    );
    const { manifest } = await proposed(await fileOf('a.ndjson', lines.join('\n')));
    expect(manifest.columns.map(({ name, type }) => [name, type])).toEqual([
      ['id', 'UInt64'],
      ['prices', 'String'],
    ]);
  });

  it('and where the next page is stands beside an API', async () => {
    const answer = JSON.stringify({ items: records, links: { next: 'https://api.example/orders?page=2' } });
    const { text, manifest } = await proposed(await fileOf('a.json', answer), {
      source: { type: 'http', url: 'https://api.example/orders' },
    });
    expect(text).toContain('pagination: { type: next-link, next: links.next }');
    expect(manifest.source).toMatchObject({ type: 'http', pagination: { type: 'none' } });
  });
});

test('Parquet says its types, and its texts are read as others are', async () => {
  const file = await written(
    `SELECT range AS id, (range * 1.5)::DECIMAL(20, 3) AS price, TIMESTAMP '2024-01-01' + INTERVAL (range) HOUR AS at,
      {'city': 'Ulm', 'zip': '0' || range} AS address, [range, NULL] AS sizes, ['a'] AS tags, MAP {'a': 1} AS more,
      (range * 2)::VARCHAR AS written, CASE WHEN range > 3 THEN range % 2 = 0 END AS flag, range / 3 AS ratio, uuid() AS token
     FROM range(30)`,
    'a*.parquet',
    'FORMAT parquet',
  );
  // By its name the sample is a pattern that takes this one too.
  await writeFile(file.replace('*', 'b'), 'PAR1, and no more');
  const { manifest, rows } = await proposed(file);
  expect([manifest.format, rows]).toEqual([{ type: 'parquet' }, 30]);
  expect(manifest.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    ...['id Int64', 'price Decimal(20, 3)', "at DateTime64(6, 'UTC')", 'address_city LowCardinality(String)'],
    ...['address_zip String', 'sizes Array(Nullable(Int64))', 'tags Array(String)', 'more String'],
    ...['written Int64', 'flag Nullable(Bool)', 'ratio Float64', 'token UUID'],
  ]);
});

describe('a sample is refused, and it is said why:', () => {
  it.each<[string, string, string | Buffer, RegExp]>([
    ['nothing', 'a.csv', '', /nothing is in it/],
    ['a header alone', 'a.csv', 'id,name\n', /no rows are in it/],
    ['no text', 'a.csv', Buffer.from([1, 0, 2, 0, 3]), /bytes that are 0/],
    [
      'a gzip that ends early',
      'a.csv.gz',
      gzipSync(CSV).subarray(0, 60),
      /a\.csv\.gz: the gzip data is cut off after 60 bytes/,
    ],
    ['a zstd that is none', 'a.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff]), /a\.zst: /],
    ['a Parquet that is none', 'a.parquet', 'PAR1 and more', /a\.parquet: /],
    ['keys that no path reaches', 'a.json', '{"a.b": 1}', /no fields that a path reaches/],
    ['a list of numbers', 'a.json', '[1, 2]', /no records are in it that are objects/],
    ['a document that is no JSON', 'a.json', '{"a": [', /neither JSON nor a JSON value in each line/],
    ['too many columns', 'a.csv', `${'a,'.repeat(1_000)}b\n`, /1001 columns; a manifest has at most 1000/],
  ])('%s', async (_, name, content, message) => {
    const refused = proposeManifest({ sample: await fileOf(name, content), source: { type: 'files' } });
    await expect(refused).rejects.toThrow(ProposalError);
    await expect(refused).rejects.toThrow(message);
  });

  it('one that is not there, and a document too large to look at', async () => {
    const sample = join(await folder(), 'nowhere.csv');
    await expect(proposeManifest({ sample, source: { type: 'files' } })).rejects.toMatchObject({
      isMisuse: true,
      message: expect.stringMatching(/ENOENT/) as unknown,
    });
    const large = await fileOf('a.json', JSON.stringify({ items: [{ text: 'x'.repeat(500) }] }));
    await expect(proposed(large, { bytes: 100 })).rejects.toThrow(/too large to look at/);
  });
});

test('columns by the hundred lose their comments rather than the manifest its size', () => {
  const columns = Array.from({ length: 1_000 }, (_, index) => ({
    ...{ name: `a_rather_long_name_of_a_column_${index}`, from: `A rather long name of a column ${index}` },
    ...{ type: 'Nullable(String)', clean: [], kind: 'text' as const, missing: 1, distinct: 1, isNegative: false },
    ...{ notes: ['1 of 10 rows have nothing in it.', 'And more. '.repeat(20)], sql: '' },
  }));
  const table = { format: { type: 'csv' as const }, rows: 10, isWhole: true, columns: [], notes: [] };
  const source = { type: 'files' as const, folder: '/data', match: ['a.csv'] };
  const layout = { key: [], repeated: 0, orderBy: ['tuple()'] };
  const write = (some: typeof columns): string =>
    writeManifest({ name: 'wide', sample: 'a.csv', source, table, columns: some, layout });
  expect(write(columns.slice(0, 500))).toContain('# 1 of 10 rows');
  const brief = write(columns);
  expect(brief).not.toContain('# 1 of 10 rows');
  expect(parseManifest(brief, 'wide.yaml').manifest.columns).toHaveLength(1_000);
  expect(Buffer.byteLength(brief)).toBeLessThanOrEqual(MAX_FILE_BYTES);
  expect(() => write(columns.map((one) => ({ ...one, from: one.from.repeat(10) })))).toThrow(
    /larger than 262144 bytes/,
  );
});
