import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import { parseManifest, type Manifest } from '../../src/datasets/index.js';
import {
  addColumns,
  keyExpression,
  planTable,
  readTable,
  stagingDefinition,
  tableDefinition,
  type PlanOptions,
} from '../../src/datasets/tables/index.js';
import { connectWarehouse, type Warehouse } from '../../src/warehouse/index.js';
import { startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

/** Which loads are visible is said here; the migration of the warehouse makes it. An Enum can't be the version. */
const LOADS = `
  CREATE TABLE dataset_loads
  (
    dataset LowCardinality(String), load UInt64, publication UInt64, run String,
    status Enum8('loading' = 1, 'published' = 2, 'abandoned' = 3),
    partitions Array(String), partition_ids Array(String), at DateTime64(3, 'UTC') DEFAULT now64(3),
    status_order UInt8 MATERIALIZED toUInt8(status)
  ) ENGINE = ReplacingMergeTree(status_order) ORDER BY (dataset, load)`;

let server: ClickHouseServer;
let directory = '';
let databases = 0;
let warehouse: Warehouse;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-dataset-tables-'));
  server = await startClickHouse(directory);
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  const database = `tables_${(databases += 1)}`;
  const connect = (to: string): Warehouse =>
    connectWarehouse(
      { url: server.url, username: 'default', password: '', database: to },
      { retentionDays: 1, log: pino({ level: 'silent' }) },
    );
  const first = connect('default');
  await first.command(`CREATE DATABASE ${database}`);
  await first.close();
  warehouse = connect(database);
  await warehouse.command(LOADS);
});
afterEach(() => warehouse.close());

interface Column {
  type: string;
  [key: string]: unknown;
}

const COLUMNS: Record<string, Column> = {
  id: { type: 'UInt64' },
  at: { type: 'DateTime64(3)', description: 'When it was ordered', codec: 'Delta, ZSTD' },
  region: { type: 'LowCardinality(String)' },
  amount: { type: 'Decimal(18, 2)', description: 'What was paid', unit: 'EUR' },
};
const APPEND = { mode: 'append', key: ['id'], partitionBy: 'toYYYYMM(at)', orderBy: ['region', 'at'] };
const ALL = { ...APPEND, mode: 'replace' };
const PARTITIONS = { ...ALL, replace: 'partitions' };

function manifestOf(target: object, columns: Record<string, Column> = COLUMNS, more: object = {}): Manifest {
  const manifest = {
    ...{ version: 'penstock/v1', name: 'orders', description: "The shop's orders" },
    source: { type: 'objects', bucket: 'shop-exports', match: ['*.json'] },
    format: { type: 'json' },
    columns: Object.entries(columns).map(([name, column]) => ({ name, ...column })),
    target,
    ...more,
  };
  return parseManifest(stringify(manifest), 'orders.yaml').manifest;
}

/** Makes what a plan says; its lines. Throws the refusals. */
async function apply(manifest: Manifest, options: Partial<PlanOptions> = {}): Promise<string[]> {
  const existing = await readTable(warehouse, manifest.name);
  const { changes, refusals } = planTable(manifest, existing, { database: warehouse.database, ...options });
  if (refusals.length > 0) throw new Error(refusals.join('\n'));
  for (const { sql } of changes) await warehouse.command(sql);
  return changes.map(({ says }) => says);
}

type Status = 'loading' | 'published' | 'abandoned';

interface Load {
  load: number;
  publication?: number;
  status: Status;
}

/** One block: all of it is seen, or nothing. What partitions a load has is asked of the storage. */
async function mark(loads: Load[], table = 'dataset_loads'): Promise<void> {
  const held = await warehouse.query<{ load: string; names: string; ids: string }>(
    `SELECT _load AS load, toString(groupArray(name)) AS names, toString(groupArray(id)) AS ids FROM
     (SELECT DISTINCT _load, toString(toYYYYMM(at)) AS name, _partition_id AS id FROM orders__rows) GROUP BY load`,
  );
  const rows = loads.map(({ load, publication = load, status }) => {
    const its = status === 'published' ? held.find((one) => one.load === String(load)) : undefined;
    const { names = '[]', ids = '[]' } = its ?? {};
    return `('orders', ${load}, ${publication}, 'run-${publication}', '${status}', ${names}, ${ids})`;
  });
  await warehouse.command(
    `INSERT INTO ${table} (dataset, load, publication, run, status, partitions, partition_ids) VALUES ${rows.join(', ')}`,
  );
}

/** Rows of a load, in a month of 2024 each. */
async function land(load: number, months: readonly number[], publication?: number): Promise<void> {
  const hidden = publication === undefined ? '' : ', _publication';
  const rows = months.map(
    (month, index) =>
      `(${load * 100 + index}, '2024-${String(month).padStart(2, '0')}-15 12:00:00', 'north', ${load}, ${load}, 1, 'a.json', ${index + 1}${publication === undefined ? '' : `, ${publication}`})`,
  );
  if (rows.length === 0) return;
  await warehouse.command(
    `INSERT INTO orders__rows (id, at, region, amount, _load, _key, _source, _line${hidden}) VALUES ${rows.join(', ')}`,
  );
}

/** What readers see: `month:load` of each row. */
async function seen(): Promise<string> {
  const [row] = await warehouse.query<{ text: string }>(
    "SELECT arrayStringConcat(arraySort(groupArray(concat(toString(toMonth(at)), ':', toString(_load)))), ' ') AS text FROM orders",
  );
  return row?.text ?? '';
}

describe('readers see of a dataset that', () => {
  test('appends: what is published, whatever else there is', async () => {
    await apply(manifestOf(APPEND));
    expect(await seen()).toBe('');
    await land(1, [1]);
    expect(await seen()).toBe('');
    await mark([{ load: 1, status: 'loading' }]);
    expect(await seen()).toBe('');
    await mark([{ load: 1, status: 'published' }]);
    expect(await seen()).toBe('1:1');
    // Two loads of a run, of which the first was tried twice; the second try is published after a later load was abandoned.
    await mark([
      { load: 2, publication: 2, status: 'abandoned' },
      { load: 3, publication: 2, status: 'loading' },
    ]);
    await mark([
      { load: 4, publication: 2, status: 'loading' },
      { load: 5, publication: 3, status: 'loading' },
    ]);
    for (const load of [2, 3, 4, 5]) await land(load, [2]);
    await mark([{ load: 5, publication: 3, status: 'abandoned' }]);
    expect(await seen()).toBe('1:1');
    const run: Load[] = [
      { load: 3, publication: 2, status: 'published' },
      { load: 4, publication: 2, status: 'published' },
    ];
    await mark(run);
    expect(await seen()).toBe('1:1 2:3 2:4');
    await mark(run);
    await mark([{ load: 2, publication: 2, status: 'loading' }]);
    // Published without a row, later than all.
    await mark([{ load: 6, publication: 4, status: 'published' }]);
    expect(await seen()).toBe('1:1 2:3 2:4');
    await warehouse.command('OPTIMIZE TABLE dataset_loads FINAL');
    await warehouse.command('OPTIMIZE TABLE orders__rows FINAL');
    expect(await seen()).toBe('1:1 2:3 2:4');
    // What was published and is abandoned, is taken back, and no late word brings it again.
    await mark([{ load: 1, status: 'abandoned' }]);
    await mark([{ load: 1, status: 'published' }]);
    expect(await seen()).toBe('2:3 2:4');
  });

  test('is replaced: all of the newest published run, and of no other', async () => {
    await apply(manifestOf(ALL));
    expect(await seen()).toBe('');
    await land(1, [1, 2], 1);
    await mark([{ load: 1, publication: 1, status: 'published' }]);
    expect(await seen()).toBe('1:1 2:1');
    await land(2, [1], 2);
    await land(3, [1, 3], 2);
    await land(4, [4], 2);
    await land(5, [5], 3);
    await mark([
      { load: 2, publication: 2, status: 'abandoned' },
      { load: 5, publication: 3, status: 'loading' },
    ]);
    await mark([
      { load: 3, publication: 2, status: 'loading' },
      { load: 4, publication: 2, status: 'loading' },
    ]);
    expect(await seen()).toBe('1:1 2:1');
    await mark([{ load: 5, publication: 3, status: 'abandoned' }]);
    const run: Load[] = [
      { load: 3, publication: 2, status: 'published' },
      { load: 4, publication: 2, status: 'published' },
    ];
    await mark(run);
    await mark(run);
    expect(await seen()).toBe('1:3 3:3 4:4');
    // A run that found nothing leaves nothing.
    await mark([{ load: 6, publication: 4, status: 'published' }]);
    expect(await seen()).toBe('');
    await mark([{ load: 6, publication: 4, status: 'abandoned' }]);
    expect(await seen()).toBe('1:3 3:3 4:4');
  });

  test('is replaced by partitions: of each the newest published run that has rows of it', async () => {
    await apply(manifestOf(PARTITIONS));
    expect(await seen()).toBe('');
    await land(1, [1, 2, 3], 1);
    await mark([{ load: 1, publication: 1, status: 'published' }]);
    expect(await seen()).toBe('1:1 2:1 3:1');
    await land(2, [2], 2);
    await land(3, [2, 2], 2);
    await land(4, [2, 4], 2);
    await land(5, [1, 3], 3);
    await mark([
      { load: 2, publication: 2, status: 'abandoned' },
      { load: 3, publication: 2, status: 'loading' },
    ]);
    await mark([
      { load: 4, publication: 2, status: 'loading' },
      { load: 5, publication: 3, status: 'loading' },
    ]);
    expect(await seen()).toBe('1:1 2:1 3:1');
    await mark([{ load: 5, publication: 3, status: 'abandoned' }]);
    const run: Load[] = [
      { load: 3, publication: 2, status: 'published' },
      { load: 4, publication: 2, status: 'published' },
    ];
    await mark(run);
    await mark(run);
    expect(await seen()).toBe('1:1 2:3 2:3 2:4 3:1 4:4');
    await mark([{ load: 6, publication: 4, status: 'published' }]);
    expect(await seen()).toBe('1:1 2:3 2:3 2:4 3:1 4:4');
    // A run that began earlier and is published later takes no partition from a newer one.
    await land(7, [1], 5);
    await mark([{ load: 7, publication: 5, status: 'published' }]);
    await land(8, [1, 5], 4);
    await mark([{ load: 8, publication: 4, status: 'published' }]);
    expect(await seen()).toBe('1:7 2:3 2:3 2:4 3:1 4:4 5:8');
  });

  test.each([
    ['appends', APPEND],
    ['is replaced', ALL],
    ['is replaced by partitions', PARTITIONS],
  ])('%s: all of a run, though it is published while their query begins', async (_, target) => {
    await apply(manifestOf(target));
    const landed = (load: number, publication: number): Promise<void> =>
      land(load, [1], target === APPEND ? undefined : publication);
    await landed(1, 1);
    await mark([{ load: 1, status: 'published' }]);
    await landed(2, 2);
    // Whoever reads it reads a second later than he asked.
    await warehouse.command('RENAME TABLE dataset_loads TO loads_kept');
    await warehouse.command('CREATE VIEW loads_later AS SELECT * FROM loads_kept');
    await warehouse.command('CREATE VIEW dataset_loads AS SELECT * FROM loads_later WHERE (SELECT sleep(1)) = 0');
    await warehouse.command('CREATE TABLE found (loads Array(UInt64)) ENGINE = Memory');
    // Not a SELECT: the embedded server does nothing else while it understands one.
    const query = warehouse.command('INSERT INTO found SELECT arraySort(groupArray(_load)) FROM orders');
    await expect.poll(isUnderWay, { timeout: 5_000, interval: 20 }).toBe(true);
    await landed(3, 2);
    const run = { publication: 2, status: 'published' } as const;
    await mark(
      [
        { load: 2, ...run },
        { load: 3, ...run },
      ],
      'loads_kept',
    );
    await query;
    expect(await warehouse.query('SELECT loads FROM found')).toEqual([
      { loads: target === APPEND ? ['1', '2', '3'] : ['2', '3'] },
    ]);
  });
});

async function isUnderWay(): Promise<boolean> {
  const found = await warehouse.query(
    "SELECT 1 FROM system.processes WHERE query LIKE 'INSERT INTO found%' AND elapsed > 0.1",
  );
  return found.length > 0;
}

/** What EXPLAIN says of the indexes of a query: `Min-Max 1/3`, parts. */
async function pruned(query: string): Promise<string[]> {
  const rows = await warehouse.query<{ explain: string }>(`EXPLAIN indexes = 1 ${query}`);
  const text = rows.map(({ explain }) => explain).join('\n');
  return Array.from(
    text.matchAll(/(Min-Max|Partition|PrimaryKey)\n[^]*?(Parts|Granules): (\d+\/\d+)/g),
    ([, index, , parts]) => `${index ?? ''} ${parts ?? ''}`,
  );
}

test.each([
  ['appends', APPEND, ['Min-Max 1/12', 'Partition 1/1', 'PrimaryKey 1/1']],
  // Twelve months of two runs; the other run is no more.
  ['is replaced', ALL, ['Min-Max 1/24', 'Partition 1/1', 'PrimaryKey 1/1']],
  ['is replaced by partitions', PARTITIONS, ['Min-Max 1/12', 'Partition 1/1', 'PrimaryKey 1/1']],
])(
  'a query on the view of a dataset that %s reads the parts and granules that it asks for',
  async (_, target, parts) => {
    await apply(manifestOf(target));
    const loads = target === APPEND ? [1] : [1, 2];
    for (const load of loads) {
      await warehouse.command(
        `INSERT INTO orders__rows (id, at, region, amount, _load${target === APPEND ? '' : ', _publication'})
       SELECT number, toDateTime64('2024-01-01 00:00:00', 3, 'UTC') + number * 1260, concat('r', toString(number % 7)), 1, ${load}
       ${target === APPEND ? '' : `, ${load}`} FROM numbers(25000)`,
      );
      await mark([{ load, status: 'published' }]);
    }
    const query =
      "SELECT sum(amount) FROM orders WHERE at >= '2024-03-01 00:00:00' AND at < '2024-04-01 00:00:00' AND region = 'r3'";
    expect(await pruned(query)).toEqual(parts);
    const [row] = await warehouse.query<{ count: string }>('SELECT count() AS count FROM orders');
    expect(row?.count).toBe('25000');
  },
);

describe('the key of a row', () => {
  const NARROW: Record<string, Column> = {
    int: { type: 'Int32' },
    number: { type: 'UInt32' },
    price: { type: 'Decimal(18, 2)' },
    text: { type: 'Nullable(String)' },
    fixed: { type: 'FixedString(4)' },
    flag: { type: 'Bool' },
    uuid: { type: 'UUID' },
    v4: { type: 'IPv4' },
    v6: { type: 'IPv6' },
    day: { type: 'Date' },
    second: { type: "DateTime('Europe/Berlin')" },
    milli: { type: 'DateTime64(3)' },
    state: { type: "Enum8('new', 'paid')" },
    float: { type: 'Float64' },
    list: { type: 'Array(Nullable(Int32))' },
  };
  const WIDE: Record<string, Column> = {
    list: { type: 'Array(Nullable(Int64))' },
    float: { type: 'Nullable(Float64)' },
    state: { type: 'LowCardinality(String)' },
    milli: { type: "DateTime64(6, 'Asia/Tokyo')" },
    second: { type: 'DateTime64(3)' },
    day: { type: 'Date32' },
    v6: { type: 'Nullable(IPv6)' },
    v4: { type: 'IPv4' },
    uuid: { type: 'UUID' },
    flag: { type: 'Nullable(Bool)' },
    fixed: { type: 'LowCardinality(FixedString(4))' },
    text: { type: 'LowCardinality(Nullable(String))' },
    price: { type: 'Decimal(38, 4)' },
    number: { type: 'Nullable(Int64)' },
    int: { type: 'Int128' },
    added: { type: 'Nullable(DateTime64(9))' },
  };
  const time = (clock: string): string => `toDateTime64('2024-02-29 ${clock}', 3, 'UTC')`;
  const ROW: Record<string, string> = {
    ...{ int: '-5', number: '4294967295', price: "'1.20'", text: "'ü\\0''x'", fixed: "'ab'", flag: 'true' },
    ...{ uuid: "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'", v4: "'1.2.3.4'", v6: "'::ffff:1.2.3.4'", day: "'2024-02-29'" },
    ...{ second: time('00:00:00'), milli: time('00:00:00.125'), state: "'paid'", float: '0.1', list: '[1, NULL, -3]' },
  };

  /** Keys of rows, each like ROW but for what it says, in their order. */
  async function keysOf(
    columns: Record<string, Column>,
    rows: readonly Record<string, string>[],
    target = {},
  ): Promise<string[]> {
    const manifest = manifestOf({ mode: 'append', orderBy: ['int'], ...target }, columns);
    const { staging } = stagingDefinition(manifest, 'run_1', { database: warehouse.database });
    await warehouse.command('DROP TABLE IF EXISTS orders__staging_run_1');
    await warehouse.command(staging);
    const names = Object.keys(ROW);
    const values = rows.map((row, index) => `(${names.map((name) => row[name] ?? ROW[name]).join(', ')}, ${index})`);
    await warehouse.command(
      `INSERT INTO orders__staging_run_1 (${names.join(', ')}, _piece) VALUES ${values.join(', ')}`,
    );
    const keys = await warehouse.query<{ key: string }>(
      'SELECT hex(_key) AS key FROM orders__staging_run_1 ORDER BY _piece',
    );
    return keys.map(({ key }) => key);
  }

  test('is the same for ever, and after every widening of a type', async () => {
    const text =
      'day=5:19782fixed=2:abflag=1:1float=19:4591870180066957722int=2:-5list=8:1:1-2:-3' +
      `milli=20:1709164800.125000000number=10:4294967295price=40:1.2${'0'.repeat(37)}second=20:1709164800.000000000` +
      "state=4:paidtext=5:ü\\0\\'xuuid=36:61f0c404-5cb3-11e7-907b-a6006ad3dba0v4=8:16909060" +
      'v6=32:00000000000000000000FFFF01020304';
    const [row] = await warehouse.query<{ key: string }>(
      `SELECT hex(reinterpretAsUInt128(sipHash128Reference('${text}'))) AS key`,
    );
    const [key] = await keysOf(NARROW, [{}]);
    expect([key, row?.key]).toEqual(['23662CDC166E427E2DF62080A2DEAF11', '23662CDC166E427E2DF62080A2DEAF11']);
    expect(await keysOf(WIDE, [{}])).toEqual([key]);
  });

  test('differs where a row differs in anything', async () => {
    const rows: Record<string, string>[] = [
      {},
      { text: 'NULL' },
      { text: "''" },
      { text: "'-'" },
      { int: '5' },
      { price: "'1.21'" },
      { fixed: "'abc'" },
      { flag: 'false' },
      { day: "'2024-03-01'" },
      { second: time('00:00:01') },
      { milli: time('00:00:00.126') },
      { state: "'new'" },
      { float: '0.10000000000000002' },
      { float: 'nan' },
      { float: '0' },
      { float: 'inf' },
      { list: '[]' },
      { list: '[NULL]' },
      { list: '[0]' },
      { list: '[1, NULL, -3, NULL]' },
      { list: '[1, -3, NULL]' },
      { v4: "'4.3.2.1'" },
      { v6: "'::1'" },
    ];
    const keys = await keysOf(NARROW, rows);
    expect(new Set(keys).size).toBe(rows.length);
  });

  test('does not tell 0 from -0, nor one NaN from another', async () => {
    const [zero, minus, nan, other] = await keysOf(NARROW, [
      { float: '0' },
      { float: '-0.' },
      { float: 'nan' },
      { float: 'reinterpretAsFloat64(reinterpretAsUInt64(-nan) + 1)' },
    ]);
    expect([minus, other]).toEqual([zero, nan]);
  });

  test('is of the columns that the manifest names, whatever the session is set to', async () => {
    const key = { key: ['milli', 'price'] };
    const [one, other, third] = await keysOf(NARROW, [{}, { text: 'NULL', int: '7' }, { price: "'7'" }], key);
    expect(one).toBe(other);
    expect(third).not.toBe(one);
    const expression = keyExpression(manifestOf({ mode: 'append', orderBy: ['int'], ...key }, NARROW));
    const [row] = await warehouse.query<{ key: string }>(
      `SELECT hex(${expression}) AS key FROM orders__staging_run_1 ORDER BY _piece LIMIT 1
       SETTINGS output_format_decimal_trailing_zeros = 1, date_time_output_format = 'unix_timestamp', session_timezone = 'Asia/Tokyo'`,
    );
    expect(row?.key).toBe(one);
  });

  test('can be computed of a thousand columns', async () => {
    const columns = Object.fromEntries(
      Array.from({ length: 999 }, (_, index) => [`some_column_${index}`, { type: 'Nullable(String)' }]),
    );
    const manifest = manifestOf({ mode: 'append', orderBy: ['id'] }, { id: { type: 'UInt64' }, ...columns });
    await warehouse.command(stagingDefinition(manifest, 'wide', { database: warehouse.database }).staging);
    await warehouse.command(
      "INSERT INTO orders__staging_wide (id, some_column_1, some_column_998) SELECT number, 'a', 'b' FROM numbers(3)",
    );
    const [row] = await warehouse.query<{ keys: string }>('SELECT uniqExact(_key) AS keys FROM orders__staging_wide');
    expect(row?.keys).toBe('3');
  });
});

describe('a plan', () => {
  const TTL = { ttl: { column: 'at', after: '400d' } };

  test.each([
    ['appends', { ...APPEND, ...TTL }],
    ['is replaced', { ...ALL, partitionBy: undefined, orderBy: ['id'] }],
    ['is replaced by partitions', { ...PARTITIONS, ...TTL, partitionBy: "(toYYYYMM(at), concat(region, ';'))" }],
  ])('of a dataset that %s makes it, and then there is nothing to do', async (_, target) => {
    const columns: Record<string, Column> = {
      ...COLUMNS,
      state: { type: "Enum8('it''s', 'a\\\\b', 'c')".replace("''", "\\'"), description: "it's \\ a `state`" },
      seen: { type: 'DateTime', codec: 'DoubleDelta, LZ4HC' },
      many: { type: 'Array(LowCardinality(Nullable(String)))', codec: 'ZSTD(3)' },
      count: { type: 'Int32', unit: 'pieces', codec: 'T64,LZ4' },
      select: { type: 'Nullable(Date32)' },
      dropped: { type: 'String', personal: 'drop' },
    };
    const manifest = manifestOf(target, columns);
    const lines = await apply(manifest);
    expect(lines.map((line) => line.replace(/:.*/s, ''))).toEqual([
      'makes the table orders__rows',
      'makes the view orders__all',
      'makes the view orders',
    ]);
    expect(await apply(manifest)).toEqual([]);
    const shown = await warehouse.query<{ name: string; comment: string }>(
      "SELECT name, comment FROM system.columns WHERE database = currentDatabase() AND table = 'orders'",
    );
    expect(shown.map(({ name }) => name)).toEqual([
      ...['id', 'at', 'region', 'amount', 'state', 'seen', 'many', 'count', 'select', '_source', '_line', '_load'],
    ]);
    expect(shown.find(({ name }) => name === 'amount')?.comment).toBe('What was paid (in EUR)');
  });

  const BEFORE: Record<string, Column> = {
    ...COLUMNS,
    quantity: { type: 'Int32', codec: 'Delta, ZSTD(1)' },
    number: { type: 'UInt32' },
    price: { type: 'Decimal(18, 2)' },
    moment: { type: 'DateTime64(3)' },
    second: { type: 'DateTime' },
    day: { type: 'Date' },
    state: { type: "Enum8('new')" },
    word: { type: "Enum8('a', 'b')" },
    text: { type: 'String', codec: 'ZSTD(3)' },
    low: { type: 'LowCardinality(String)' },
    may: { type: 'Int32' },
    list: { type: 'Array(Int32)' },
  };
  const AFTER: Record<string, Column> = {
    ...{ id: { type: 'UInt64', unit: 'none' }, at: COLUMNS['at'] ?? { type: '' } },
    region: { type: 'String' },
    amount: { type: 'Decimal(38, 4)' },
    quantity: { type: 'Int64', codec: 'Delta, ZSTD(1)' },
    number: { type: 'Int64' },
    price: { type: 'Decimal(38, 2)' },
    moment: { type: 'DateTime64(6)' },
    second: { type: "DateTime64(3, 'Europe/Berlin')" },
    day: { type: 'Date32' },
    state: { type: "Enum8('new', 'paid')" },
    word: { type: 'String' },
    text: { type: 'LowCardinality(String)' },
    low: { type: 'String', codec: 'ZSTD(2)' },
    may: { type: 'Nullable(Int32)' },
    list: { type: 'Array(Nullable(Int64))' },
    discount: { type: 'Decimal(18, 2)', default: '0.5', description: 'Per cent' },
    since: { type: 'DateTime64(3)', default: '2024-05-01T00:00:00+02:00' },
    note: { type: 'Nullable(String)' },
  };
  const SHORT = { ...APPEND, ttl: { column: 'at', after: '9000d' } };
  const LONG = { ...APPEND, ttl: { column: 'at', after: '9999d' } };

  async function withRow(): Promise<void> {
    await apply(manifestOf(SHORT, BEFORE));
    await warehouse.command(
      `INSERT INTO orders__rows VALUES
       (1, '2024-01-01 00:00:00.125', 'north', 99.99, -5, 4294967295, '9999999999999999.99', '2299-12-31 23:59:59.999',
        '2106-02-07 06:28:15', '2149-06-06', 'new', 'b', 'ü', 'low', 7, [1, 2], 1, 1, 'a.json', 1)`,
    );
    await mark([{ load: 1, status: 'published' }]);
  }

  /** What a reader finds after AFTER. */
  const ROW = {
    ...{ id: '1', region: 'north', quantity: '-5', number: '4294967295', moment: '2299-12-31T23:59:59.999000Z' },
    ...{
      second: '2106-02-07T06:28:15.000Z',
      day: '2149-06-06',
      state: 'new',
      word: 'b',
      text: 'ü',
      low: 'low',
      may: 7,
    },
    ...{ list: ['1', '2'], since: '2024-04-30T22:00:00.000Z', note: null, exact: '9999999999999999.99 99.99 0.5' },
  };
  const FOUND = `
    SELECT id, region, quantity, number, moment, second, day, state, word, text, low, may, list, since, note,
      concat(toString(price), ' ', toString(amount), ' ', toString(discount)) AS exact FROM orders`;

  test('changes a table with rows and loses nothing; its readers can read after every statement', async () => {
    await withRow();
    const manifest = manifestOf(LONG, AFTER);
    const { changes, refusals } = planTable(manifest, await readTable(warehouse, 'orders'), {
      database: warehouse.database,
    });
    expect(refusals).toEqual([]);
    for (const { sql } of changes) {
      await warehouse.command(sql);
      const rows = await warehouse.query("SELECT * FROM orders WHERE at < '2025-01-01 00:00:00' AND region = 'north'");
      expect(rows, sql).toHaveLength(1);
    }
    expect(await warehouse.query(FOUND)).toEqual([ROW]);
    expect(await apply(manifest)).toEqual([]);
    await warehouse.command('OPTIMIZE TABLE orders__rows FINAL');
    expect(await warehouse.query(FOUND)).toEqual([ROW]);
    // What only the new types can hold comes out as it went in.
    await warehouse.command(
      `INSERT INTO orders__rows (id, at, quantity, moment, may, state, list, _load)
       VALUES (2, '2024-01-01 00:00:00', -9e18, '2024-01-01 00:00:00.123456', NULL, 'paid', [NULL, 9e18], 1)`,
    );
    const [wide] = await warehouse.query('SELECT quantity, moment, may, state, list FROM orders WHERE id = 2');
    expect(wide).toEqual({
      ...{ quantity: '-9000000000000000000', moment: '2024-01-01T00:00:00.123456Z', may: null, state: 'paid' },
      list: [null, '9000000000000000000'],
    });
  });

  test('that died anywhere is made again from there', async () => {
    await withRow();
    const manifest = manifestOf(LONG, AFTER);
    const options = { database: warehouse.database };
    for (let steps = 0; steps < 40; steps += 1) {
      const { changes } = planTable(manifest, await readTable(warehouse, 'orders'), options);
      const [next] = changes;
      if (next === undefined) break;
      await warehouse.command(next.sql);
    }
    expect(await apply(manifest)).toEqual([]);
    expect(await warehouse.query(FOUND)).toEqual([ROW]);
  });

  test('makes a table without rows again where it can not be altered, and one with rows never', async () => {
    await apply(manifestOf(APPEND));
    const other = manifestOf({ ...PARTITIONS, orderBy: ['id'] });
    await apply(other);
    expect(await apply(other)).toEqual([]);
    await land(1, [1], 1);
    await mark([{ load: 1, status: 'published' }]);
    await expect(apply(manifestOf(APPEND))).rejects.toThrow(/rows are there as replace partitions, not append/);
    // Rows that came after the table was read are not dropped either.
    const drop = `DROP TABLE IF EMPTY orders__rows`;
    await expect(warehouse.command(drop)).rejects.toThrow(/not empty/);
    expect(await seen()).toBe('1:1');
  });

  test('lets rows go by their ttl, and no others', async () => {
    const columns = { ...COLUMNS, at: { type: 'Nullable(DateTime)' }, until: { type: 'Date' } };
    for (const [column, target] of [
      ['at', { ...APPEND, partitionBy: undefined, orderBy: ['id'] }],
      ['until', { ...APPEND, partitionBy: 'toYYYYMM(until)', orderBy: ['id'] }],
    ] as const) {
      const manifest = manifestOf({ ...target, ttl: { column, after: '3650d' } }, columns);
      await apply(manifest);
      expect(await apply(manifest)).toEqual([]);
      await warehouse.command(
        `INSERT INTO orders__rows (id, at, until, _load) VALUES
         (1, NULL, '2100-01-01', 1), (2, '2100-01-01 00:00:00', '2149-01-01', 1), (3, '2001-01-01 00:00:00', '2001-01-01', 1)`,
      );
      await warehouse.command('OPTIMIZE TABLE orders__rows FINAL');
      const left = await warehouse.query<{ id: string }>('SELECT id FROM orders__rows ORDER BY id');
      expect(
        left.map(({ id }) => id),
        column,
      ).toEqual(['1', '2']);
      await expect(apply(manifestOf({ ...target, ttl: { column, after: '30d' } }, columns))).rejects.toThrow(
        new RegExp(`rows are deleted 30d after ${column} \\(3650d after ${column} so far\\)`),
      );
      await apply(manifestOf({ ...target, ttl: { column, after: '30d' } }, columns), { allowDelete: true });
      expect(await apply(manifestOf(target, columns))).toContain(`keeps rows for ever (30d after ${column} so far)`);
      await warehouse.command('DROP TABLE orders__rows');
    }
  });

  test('adds the columns that a source has got, and keeps them', async () => {
    await withRow();
    const manifest = manifestOf(SHORT, BEFORE);
    const add = async (...names: string[]): Promise<string[]> => {
      const existing = await readTable(warehouse, 'orders');
      const plan = addColumns(manifest, existing ?? {}, names, { database: warehouse.database });
      for (const { sql } of plan.changes) await warehouse.command(sql);
      return [...plan.changes.map(({ says }) => says), ...plan.refusals];
    };
    expect(await add('Order note', 'größe')).toEqual([
      'adds column Order note Nullable(String), which is new in the source',
      'adds column größe Nullable(String), which is new in the source',
      'renews the view orders__all',
      'renews the view orders',
    ]);
    expect(await add('Order note')).toEqual([]);
    expect(await warehouse.query('SELECT id, `Order note`, `größe` FROM orders')).toEqual([
      { id: '1', 'Order note': null, größe: null },
    ]);
    expect(await apply(manifest)).toEqual([]);
    const { staging, quarantine } = stagingDefinition(manifest, 'r', {
      database: warehouse.database,
      evolved: ['Order note', 'größe'],
    });
    for (const sql of [staging, staging, quarantine]) await warehouse.command(sql);
    await warehouse.command(
      "INSERT INTO orders__staging_r_quarantine (_piece, source, line, reason, subject, detail, raw) VALUES (1, 'a', 1, 'CHECK', 'x', 'y', '{}')",
    );
    expect(await add('id', 'a.b', '_load')).toHaveLength(3);
  });

  it.each(['CREATE TABLE orders (id UInt8) ENGINE = Memory', 'CREATE VIEW orders__all AS SELECT 1'])(
    'replaces nothing that is not of the dataset: %s',
    async (sql) => {
      await warehouse.command(sql);
      await expect(apply(manifestOf(APPEND))).rejects.toThrow(/is there and is not this dataset's/);
    },
  );

  test('has nothing in it but what the manifest may say', () => {
    const partitionBy = "toYYYYMM(at), (SELECT 1)) ORDER BY id COMMENT '";
    expect(planTable(manifestOf({ ...APPEND, partitionBy }), undefined, { database: 'd' }).changes).toEqual([]);
    expect(() => tableDefinition(manifestOf({ ...APPEND, partitionBy }), { database: 'd' })).toThrow(
      /not one expression/,
    );
  });
});
