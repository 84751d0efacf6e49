import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PreviewReport } from '../../src/cli/dataset/previewReport.js';
import { connectTemporal } from '../../src/client/index.js';
import { hostPaceId } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { startApi, type Api, type Landed } from './datasets/index.js';
import { applyManifests, landed, putObjects, putSecret, runDataset, secretsFolder } from './datasets/rig.js';
import { endpointsNow } from './pipeline.js';
import { penstock } from './program.js';

/** What a preview says, held against what a run of the same manifest leaves. */

const BUCKET = 'preview-shop';
const TOKEN = 'token-of-the-preview-that-nobody-knows';

const CUSTOMERS = `version: penstock/v1
name: preview_customers
source: { type: objects, bucket: ${BUCKET}, match: ['customers.csv'] }
format: { type: csv }
columns:
  - { name: mail, type: String, personal: hash }
  - { name: tier, type: LowCardinality(String) }
  - { name: since, type: Date }
target: { mode: replace, key: [mail], orderBy: [mail] }
`;

const ORDERS = `version: penstock/v1
name: preview_orders
source: { type: objects, bucket: ${BUCKET}, match: ['orders/*.csv'] }
format: { type: csv, delimiter: ';' }
columns:
  - { name: order_no, type: String, clean: [trim] }
  - { name: mail, type: Nullable(String), clean: [trim, lower], personal: hash }
  - { name: phone, type: Nullable(String), personal: drop }
  - { name: amount, type: 'Decimal(18, 2)', clean: [{ number: { decimal: ',', group: '.' } }] }
  - { name: currency, type: LowCardinality(String), default: EUR }
  - { name: paid, type: Bool, clean: [lower, { map: { ja: 'true', nein: 'false' }, else: quarantine }] }
  - { name: ordered_at, type: "DateTime64(3, 'Europe/Berlin')", clean: [{ time: { format: '%d.%m.%Y %H:%M' } }] }
  - { name: size, type: Nullable(UInt8) }
  - { name: gross, type: 'Decimal(18, 4)', expression: amount * 1.19 }
  - { name: tier, type: LowCardinality(Nullable(String)) }
  - { name: known_since, type: Nullable(Date) }
  - { name: zone, type: Nullable(String) }
enrich:
  - { name: customer, lookup: { dataset: preview_customers }, on: { mail: mail }, take: { tier: tier, known_since: since } }
  - { name: zone, lookup: { rows: [{ code: CHF, zone: abroad }] }, on: { currency: code }, take: { zone: zone } }
checks:
  rows: [{ name: positive, expression: amount > 0 }]
  columns:
    - { column: amount, max: 1000, action: warn }
    - { column: order_no, unique: true, action: warn }
  maxQuarantined: 90 %
schema: { newColumns: evolve, badValues: 'null' }
target: { mode: append, key: [order_no], orderBy: [order_no] }
`;

const EVENTS = (url: string): string => `version: penstock/v1
name: preview_events
source:
  type: http
  url: ${url}/v1/events?since={{since}}
  auth: { type: bearer, secret: PREVIEW_TOKEN }
  pagination: { type: cursor, next: next, sizeParameter: limit, size: 10 }
  records: data
  incremental: { column: at, start: '2024-01-01T00:00:00Z' }
  requestsPerSecond: 50
format: { type: json }
columns:
  - { name: id, type: UInt64 }
  - { name: at, type: DateTime('UTC') }
  - { name: tags, type: Array(String) }
  - { name: big, from: deep.big, type: Nullable(Int128) }
  - { name: score, type: Nullable(Float64) }
checks: { maxQuarantined: 50 % }
target: { mode: append, key: [id], orderBy: [id] }
`;

const TRIPS = `version: penstock/v1
name: preview_trips
source: { type: objects, bucket: ${BUCKET}, match: ['trips.parquet'] }
format: { type: parquet }
columns:
  - { name: id, type: UUID }
  - { name: started_at, type: DateTime64(6) }
  - { name: fare, type: 'Decimal(9, 3)' }
  - { name: stops, type: Array(Nullable(Int32)) }
  - { name: class, type: "Enum8('first', 'second')" }
checks: { maxQuarantined: 50 % }
target: { mode: replace, orderBy: [id] }
`;

let api: Api;
let folder: string;

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  // As those of an ingester of the stack.
  process.env['PENSTOCK_SECRETS_DIR'] = secretsFolder();
  process.env['PENSTOCK_INGEST_ALLOW_PRIVATE'] = '127.0.0.1';
  folder = await mkdtemp(join(tmpdir(), 'penstock-previews-'));
  process.env['TMPDIR'] = folder;
  await putSecret('PENSTOCK_DATASETS_HASH_KEY', 'key of the test');
  await putSecret('PREVIEW_TOKEN', TOKEN);
  api = await startApi({ seed: 5 });
  await putObjects(BUCKET, [
    {
      name: 'customers.csv',
      bytes: Buffer.from('mail,tier,since\nann@example.org,gold,2020-02-29\nbob@example.org,"b""ronze",2021-01-01\n'),
    },
    {
      name: 'orders/2024-01.csv',
      bytes: Buffer.from(
        [
          '\ufefforder_no;mail;phone;amount;currency;paid;ordered_at;size',
          ' A-1 ;Ann@example.org;030/1;1.234,50;;ja;31.01.2024 09:15;7',
          'A-2;bob@example.org;;99;CHF;NEIN;31.01.2024 09:17;XL',
          'A-3;eve@example.org;;12,905;CHF;nein;31.01.2024 10:02;',
          'A-4;;;450,00;EUR;vielleicht;31.01.2024 11:40;',
          'A-5;;;5,00;"E\nUR";ja;31.03.2024 02:30;',
          'A-6;;"0;3""0";7,50;EUR;ja;31.07.2024 18:21;300',
          'A-7;ann@example.org;;0;EUR;ja;31.07.2024 18:21;1',
          'A-8;too;few',
          'A-9;ann@example.org;;1;EUR;ja;31.07.2024 18:21;1',
        ].join('\r\n'),
      ),
    },
    {
      name: 'orders/2024-02.csv',
      bytes: Buffer.from(
        'order_no;mail;phone;amount;currency;paid;ordered_at;size;tip\nB-1;;;2;EUR;ja;01.08.2024 00:00;;1,5\n',
      ),
    },
    { name: 'trips.parquet', bytes: await tripsFile() },
  ]);
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

async function tripsFile(): Promise<Buffer> {
  const path = join(folder, 'trips.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (
    SELECT CAST('00000000-0000-0000-0000-00000000000' || range AS UUID) AS id,
      TIMESTAMP '2024-05-01 12:30:00.123456' + to_days(CAST(range AS INTEGER)) AS started_at,
      CAST(range / 8 AS DECIMAL(9, 3)) AS fare, [range, NULL, -range] AS stops,
      CASE WHEN range = 5 THEN 'third' WHEN range % 2 = 0 THEN 'first' ELSE 'second' END AS class
    FROM range(8)
  ) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  const bytes = await readFile(path);
  await rm(path);
  return bytes;
}

async function previewOf(manifest: string, ...options: string[]): Promise<PreviewReport> {
  const file = join(folder, 'manifest.yaml');
  await writeFile(file, manifest);
  try {
    return (await penstock('dataset', 'preview', file, ...options)).report as PreviewReport;
  } finally {
    await rm(file);
  }
}

/** As a preview writes what ClickHouse holds. */
function textOf(value: Landed | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return JSON.stringify(value.map(textOf));
  return String(value).replace(/^(\d{4}-\d{2}-\d{2})T(.*Z)$/, '$1 $2');
}

/** Runs the dataset, and holds what is visible then, and what was set aside, against its preview. */
async function runsAs({ dataset, columns, rows, quarantine, read }: PreviewReport): Promise<void> {
  const { run, failure } = await runDataset(dataset);
  expect({ dataset, failure, status: run?.status }).toEqual({ dataset, failure: null, status: 'published' });
  expect(run).toMatchObject({ read, loaded: rows.length, quarantined: quarantine.length, duplicates: 0 });
  const visible = await landed(`SELECT * FROM ${dataset} ORDER BY _source, _line`);
  expect(Object.keys(visible[0] ?? {})).toEqual(expect.arrayContaining(columns.map(({ name }) => name)));
  expect(
    visible.map(({ _source, _line, ...row }) => ({
      source: _source,
      line: Number(_line),
      values: Object.fromEntries(columns.map(({ name }) => [name, textOf(row[name])])),
    })),
  ).toEqual(rows);
  const aside = await landed(
    `SELECT source, line, reason, subject, detail, raw FROM quarantine WHERE run = '${run?.run ?? ''}' ORDER BY source, line`,
  );
  expect(aside.map((row) => ({ ...row, line: Number(row['line']) }))).toEqual(quarantine);
}

/** All that a preview could leave: tables, rows of records of runs, workflows, files. */
async function traces(): Promise<unknown> {
  const { connection, client } = await connectTemporal();
  try {
    const workflows: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: 'WorkflowId STARTS_WITH "dataset/preview_"' }))
      workflows.push(workflowId);
    return {
      workflows,
      files: await readdir(folder),
      tables: await landed(`SELECT name FROM system.tables WHERE name LIKE '%preview%' ORDER BY name`),
      records: await Promise.all(
        ['dataset_manifests', 'dataset_inputs', 'dataset_loads', 'dataset_run_records', 'quarantined_rows'].map(
          (table) => landed(`SELECT count() AS rows FROM ${table} WHERE dataset LIKE 'preview%'`),
        ),
      ),
    };
  } finally {
    await connection.close();
  }
}

it('what a preview shows is what a run leaves, and it leaves nothing itself', async () => {
  await applyManifests({ preview_customers: CUSTOMERS });
  await runDataset('preview_customers');
  const before = await traces();

  const orders = await previewOf(ORDERS);
  expect(orders).toMatchObject({
    ...{ read: 10, whole: true, failure: null, tableKnown: true },
    inputs: [`gs://${BUCKET}/orders/2024-01.csv`, `gs://${BUCKET}/orders/2024-02.csv`],
    newColumns: { names: ['tip'], policy: 'evolve' },
    ...{ warned: { amount: 1 }, dropped: { size: 2 } },
    undecided: ['unique of order_no', 'maxQuarantined of 90 %', 'duplicates by order_no'],
  });
  expect(orders.columns.at(-1)).toEqual({ name: 'tip', type: 'Nullable(String)', isNew: true });
  expect(orders.rows.map(({ line, values }) => [line, values['tier'], values['known_since'], values['zone']])).toEqual([
    [2, 'gold', '2020-02-29', null],
    [3, 'b"ronze', '2021-01-01', 'abroad'],
    [8, null, null, null],
    [11, 'gold', '2020-02-29', null],
    [2, null, null, null],
  ]);
  expect(orders.quarantine.map(({ line, reason }) => [line, reason])).toEqual([
    [4, 'BAD_VALUE'],
    [5, 'BAD_VALUE'],
    [6, 'BAD_VALUE'],
    [9, 'CHECK'],
    [10, 'MISSING_COLUMNS'],
  ]);
  expect(JSON.stringify(orders)).not.toMatch(/example\.org|030/);

  const trips = await previewOf(TRIPS);
  expect([trips.rows.length, trips.quarantine.map(({ subject }) => subject), trips.whole]).toEqual([
    7,
    ['class'],
    true,
  ]);

  expect(await traces()).toEqual(before);

  await applyManifests({ preview_orders: ORDERS, preview_trips: TRIPS });
  // What the table has no column for yet, the run adds before rows of it are inserted.
  await runsAs({ ...orders, rows: orders.rows.map((row) => ({ ...row, values: { tip: null, ...row.values } })) });
  await runsAs(trips);
  // Inputs that a run has taken are shown all the same, and a column that it has added is none that is new.
  const again = await previewOf(ORDERS);
  expect([again.rows.length, again.columns.at(-1)?.isNew]).toEqual([5, false]);
});

it('asks an API for as many pages as it needs, in the pace that its host has, and for no private address', async () => {
  const events = Array.from({ length: 35 }, (_, index) =>
    index % 7 === 3
      ? `{"id":${index},"at":"yesterday","tags":[]}`
      : `{"id":${index},"at":"2024-05-${10 + (index % 20)}T06:00:00+02:00","tags":["a\\"","${index}"],"deep":{"big":-17014118346046923173168730371588410572${index % 10}},"score":${index / 4}}`,
  );
  const asked: string[] = [];
  api.routes.set('/v1/events', {
    token: TOKEN,
    records: (query) => {
      asked.push(query.get('since') ?? '');
      return events;
    },
    page: (records, next) => `{"next":${next === undefined ? 'null' : `"${next}"`},"data":[${records.join(',')}]}`,
  });
  const manifest = EVENTS(api.url);
  const before = await traces();
  const few = await previewOf(manifest, '--rows', '12');
  expect([asked, few.read, few.inputs.length, few.whole]).toEqual([
    Array(2).fill('2024-01-01T00:00:00Z'),
    12,
    2,
    false,
  ]);
  const events35 = await previewOf(manifest, '--rows', '1000');
  expect([asked.length, events35.read, events35.whole]).toEqual([6, 35, true]);
  expect(events35.rows.slice(0, few.rows.length)).toEqual(few.rows);
  expect(await traces()).toEqual(before);

  const { connection, client } = await connectTemporal();
  const pace = await client.workflow.getHandle(hostPaceId(new URL(api.url).host)).describe();
  await connection.close();
  expect(pace.status.name).toBe('RUNNING');

  process.env['PENSTOCK_INGEST_ALLOW_PRIVATE'] = '';
  await expect(previewOf(manifest)).rejects.toThrow(/exit code 1: .*127\.0\.0\.1.*private/);
  process.env['PENSTOCK_INGEST_ALLOW_PRIVATE'] = '127.0.0.1';
  expect(asked.length).toBe(6);

  await applyManifests({ preview_events: manifest });
  await runsAs(events35);
});
