import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseManifest, type Manifest } from '../../src/datasets/index.js';
import { openStaging, rowStructure, type StagedPiece, type Staging } from '../../src/datasets/staging/index.js';
import { startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

/** Type, text of the source, and what ClickHouse shows of it. */
const VALUES: [string, string, string][] = [
  ['Int8', '-128', '-128'],
  ['UInt8', '255', '255'],
  ['Int16', '-32768', '-32768'],
  ['UInt16', '65535', '65535'],
  ['Int32', '-2147483648', '-2147483648'],
  ['UInt32', '4294967295', '4294967295'],
  ['Int64', '-9223372036854775808', '-9223372036854775808'],
  ['UInt64', '18446744073709551615', '18446744073709551615'],
  ['Int128', '-170141183460469231731687303715884105728', '-170141183460469231731687303715884105728'],
  ['UInt128', '340282366920938463463374607431768211455', '340282366920938463463374607431768211455'],
  ['Float32', '0.1', '0.1'],
  ['Float64', '-1.7976931348623157e308', '-1.7976931348623157e308'],
  ['Decimal(4, 2)', '-99.99', '-99.99'],
  ['Decimal(9, 9)', '0.123456789', '0.123456789'],
  ['Decimal(18, 2)', '9999999999999999.99', '9999999999999999.99'],
  ['Decimal(38, 0)', '9'.repeat(38), '9'.repeat(38)],
  ['Decimal(38, 19)', '-1234567890123456789.1234567890123456789', '-1234567890123456789.1234567890123456789'],
  ['String', `ü "quoted", it's`, `ü "quoted", it\\'s`],
  ['FixedString(8)', 'ab', 'ab\\0\\0\\0\\0\\0\\0'],
  ['LowCardinality(String)', 'low', 'low'],
  ['LowCardinality(Nullable(String))', 'low', 'low'],
  ['LowCardinality(FixedString(3))', 'abc', 'abc'],
  ['Bool', 'yes', 'true'],
  ['UUID', '123E4567-E89B-12D3-A456-426614174000', '123e4567-e89b-12d3-a456-426614174000'],
  ['IPv4', '255.1.2.0', '255.1.2.0'],
  ['IPv6', '2001:DB8::1', '2001:db8::1'],
  ['IPv6', '1.2.3.4', '::ffff:1.2.3.4'],
  ["Enum8('new', 'it''s')".replace("''", "\\'"), "it's", "it\\'s"],
  ["Enum16('a' , 'b')", 'b', 'b'],
  ['Date', '1970-01-01', '1970-01-01'],
  ['Date', '2149-06-06', '2149-06-06'],
  ['Date32', '1900-01-01', '1900-01-01'],
  ['Date32', '2299-12-31', '2299-12-31'],
  ['DateTime', '2106-02-07T06:28:15Z', '2106-02-07 06:28:15'],
  ["DateTime('America/New_York')", '2024-07-01 00:00:00', '2024-07-01 00:00:00'],
  ['DateTime64(0)', '1900-01-01T00:00:00Z', '1900-01-01 00:00:00'],
  ["DateTime64(3, 'Europe/Berlin')", '2024-10-27T02:30:00.125+01:00', '2024-10-27 02:30:00.125'],
  ['DateTime64(5)', '2299-12-31T23:59:59.99999Z', '2299-12-31 23:59:59.99999'],
  ["DateTime64(6, 'Australia/Lord_Howe')", '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.000001'],
  ['DateTime64(9)', '2262-04-11T23:47:16.854775807Z', '2262-04-11 23:47:16.854775807'],
  ['DateTime64(9)', '1969-12-31T23:59:59.999999999Z', '1969-12-31 23:59:59.999999999'],
  ['Array(UInt64)', '[1, 18446744073709551615]', '[1,18446744073709551615]'],
  [
    'Array(Nullable(Int128))',
    '[170141183460469231731687303715884105727, null]',
    '[170141183460469231731687303715884105727,NULL]',
  ],
  ["Array(DateTime64(4, 'Europe/Berlin'))", '["2024-05-01 12:00:00.0001"]', "['2024-05-01 12:00:00.0001']"],
  ['Array(Array(Date))', '[["2024-05-01"], []]', "[['2024-05-01'],[]]"],
  ["Array(Enum8('x', 'y'))", '["y"]', "['y']"],
  ['Array(LowCardinality(String))', '["a", "b"]', "['a','b']"],
  ['Array(Decimal(38, 10))', '[0.1234567891]', '[0.1234567891]'],
];
/** Each also as one that may be nothing. */
const MAY_BE_NOTHING = VALUES.filter(([type]) => !/^(?:Array|LowCardinality)/.test(type));
const COLUMNS = [...VALUES.map(([type]) => type), ...MAY_BE_NOTHING.map(([type]) => `Nullable(${type})`)];

let folder = '';
let server: ClickHouseServer;
let staging: Staging;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-types-'));
  server = await startClickHouse(join(folder, 'clickhouse'));
  staging = await openStaging({ dir: join(folder, 'staging') });
});
afterAll(async () => {
  await staging.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ask(query: string, body?: Buffer): Promise<string> {
  const url = body === undefined ? server.url : `${server.url}/?${new URLSearchParams({ query }).toString()}`;
  const response = await fetch(url, { method: 'POST', body: body ?? query });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

function manifestOf(columns: readonly string[], more = ''): Manifest {
  const text = JSON.stringify({
    version: 'penstock/v1',
    name: 'types',
    source: { type: 'files', folder: '/data', match: ['*'] },
    format: { type: 'csv' },
    columns: columns.map((type, index) => ({ name: `v${index}`, type })),
    target: { mode: 'append', orderBy: ['tuple()'] },
  });
  return parseManifest(`${text.slice(0, -1)}${more}}`, 'types.yaml').manifest;
}

async function stage(
  manifest: Manifest,
  rows: readonly (readonly string[])[],
  evolved: string[] = [],
): Promise<StagedPiece> {
  const path = join(folder, 'staging', 'rows.csv');
  const field = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  await writeFile(path, rows.map((row) => `${row.map(field).join(',')}\n`).join(''));
  const columns = [...manifest.columns.map(({ name }) => name), ...evolved];
  return staging.stage(
    {
      kind: 'separated',
      path,
      columns,
      read: rows.length,
      records: rows.length,
      rejected: [],
      marks: [{ record: 0, source: 'rows.csv', line: 2 }],
    },
    { manifest, evolved, logicalDate: new Date(), secrets: () => '', lookup: () => Promise.reject(new Error('none')) },
  );
}

async function insert(manifest: Manifest, path: string, evolved: string[] = []): Promise<void> {
  const { columns, structure, select } = rowStructure(manifest, evolved);
  const definitions = columns
    .slice(0, -2)
    .map((name, index) => `${name} ${manifest.columns[index]?.type ?? 'Nullable(String)'}`);
  await ask('DROP TABLE IF EXISTS staged');
  await ask(
    `CREATE TABLE staged (${definitions.join(', ')}, _source LowCardinality(String), _line UInt64) ENGINE = MergeTree ORDER BY tuple() SETTINGS allow_suspicious_low_cardinality_types = 1`,
  );
  await ask(
    `INSERT INTO staged (${columns.join(', ')}) SELECT ${select.join(', ')} FROM input('${structure}') FORMAT Parquet`,
    await readFile(path),
  );
}

test('every type goes through Parquet into ClickHouse as it was written', async () => {
  const manifest = manifestOf(COLUMNS);
  const texts = [...VALUES, ...MAY_BE_NOTHING].map(([, text]) => text);
  const nothing = COLUMNS.map((type, index) =>
    /^Nullable|^LowCardinality\(Nullable/.test(type) ? '' : (texts[index] ?? ''),
  );
  const staged = await stage(manifest, [texts, nothing]);
  expect(staged).toMatchObject({ rows: 2, quarantined: 0 });
  await insert(manifest, staged.path ?? '');
  const [first = [], second = []] = (await ask('SELECT * FROM staged ORDER BY _line'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  const right = [...VALUES, ...MAY_BE_NOTHING].map(([type, text, shown]) => [type, text, shown]);
  expect(right.map(([type, text], index) => [type, text, first[index]])).toEqual(right);
  expect(first.slice(-2)).toEqual(['rows.csv', '2']);
  expect(second.slice(0, -2)).toEqual(
    COLUMNS.map((_, index) => (nothing[index] === '' ? '\\N' : (right[index]?.[2] ?? ''))),
  );
});

test('what is counted beside the rows, and what was added to the table, does not disturb the insert', async () => {
  const manifest = manifestOf(
    ['UInt8', 'Nullable(Decimal(18, 2))'],
    ', "schema": {"badValues": "null", "newColumns": "evolve"}, "checks": {"rows": [{"name": "small", "expression": "v0 < 2", "action": "warn"}]}',
  );
  const staged = await stage(
    manifest,
    [
      ['1', 'x', 'more'],
      ['2', '2', ''],
    ],
    ['added'],
  );
  expect(staged).toMatchObject({ rows: 2, dropped: { v1: 1 }, warned: { small: 1 }, newColumns: ['added'] });
  await insert(manifest, staged.path ?? '', ['added']);
  expect(await ask('SELECT * FROM staged ORDER BY _line')).toBe('1\t\\N\tmore\trows.csv\t2\n2\t2\t\\N\trows.csv\t3\n');
});
