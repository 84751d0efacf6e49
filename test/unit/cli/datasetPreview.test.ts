import { createHmac } from 'node:crypto';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PreviewReport } from '../../../src/cli/dataset/previewReport.js';
import { temporaryFolder } from '../embedded/rig.js';
import { runProgram } from './runProgram.js';

/** Of tests that read a lot, where the machine has other work. */
const PATIENCE_MS = 60_000;
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:1';
const KEY = 'key of the test';

let folder: string;
let temporary: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  temporary = join(folder, 'tmp');
  await Promise.all([mkdir(temporary), mkdir(join(folder, 'secrets')), mkdir(join(folder, 'data'))]);
  await writeFile(join(folder, 'secrets', 'PENSTOCK_DATASETS_HASH_KEY'), KEY);
  vi.stubEnv('TMPDIR', temporary);
  vi.stubEnv('PENSTOCK_CLICKHOUSE_URL', NOWHERE);
  vi.stubEnv('PENSTOCK_SECRETS_DIR', join(folder, 'secrets'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  expect(await readdir(temporary), 'what a preview left behind').toEqual([]);
});

interface Parts {
  columns: readonly string[];
  format?: string;
  more?: string;
}

async function preview(parts: Parts, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = join(folder, 'orders.yaml');
  const { columns, format = 'type: csv', more = '' } = parts;
  await writeFile(
    file,
    `version: penstock/v1
name: orders
source: { type: files, folder: ${join(folder, 'data')}, match: ['**/*'] }
format: { ${format} }
columns:
${columns.map((column) => `  - { ${column} }`).join('\n')}
target: { mode: append, key: [id], orderBy: [id] }
${more}`,
  );
  return runProgram('dataset', 'preview', file, ...args);
}

async function report(parts: Parts, ...args: string[]): Promise<PreviewReport> {
  const { stdout, stderr } = await preview(parts, '--json', ...args);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as PreviewReport;
}

const put = (name: string, content: string | Uint8Array): Promise<void> =>
  writeFile(join(folder, 'data', name), content);
const ID = 'name: id, type: UInt32';

describe('penstock dataset preview', () => {
  test('shows every column that lands as a run would leave it, and rows that it would set aside', async () => {
    await put(
      'a.csv',
      [
        'id,mail,phone,net,at,country',
        '1,ann@example.org,030/1,"1.234,50",31.01.2024 09:15,GER',
        '2,bob@example.org,030/2,free,31.01.2024 09:17,FR',
        '3,,030/3,5,31.03.2024 02:30,FR',
        '4,eve@example.org',
        '5,,,"0,5",31.07.2024 09:15,',
      ].join('\n'),
    );
    const found = await report({
      columns: [
        ID,
        'name: mail, type: Nullable(String), personal: hash',
        'name: phone, type: Nullable(String), personal: drop',
        "name: net, type: 'Decimal(18, 2)', clean: [{ number: { decimal: ',', group: . } }]",
        `name: at, type: "DateTime('Europe/Berlin')", clean: [{ time: { format: '%d.%m.%Y %H:%M' } }]`,
        'name: country, type: Nullable(String), clean: [{ map: { GER: DE } }]',
        "name: gross, type: 'Decimal(18, 4)', expression: net * 1.19",
        'name: region, type: Nullable(String)',
      ],
      more: `enrich: [{ name: region, lookup: { rows: [{ code: DE, region: central }] }, on: { country: code }, take: { region: region } }]`,
    });
    const hash = createHmac('sha256', KEY).update('ann@example.org').digest('hex');
    const at = { source: 'a.csv' };
    expect(found).toMatchObject({
      ...{ dataset: 'orders', read: 5, inputs: ['a.csv'], whole: true, failure: null, tableKnown: false },
      columns: ['id', 'mail', 'net', 'at', 'country', 'gross', 'region'].map((name) => ({ name, isNew: false })),
      rows: [
        {
          ...at,
          line: 2,
          values: {
            ...{ id: '1', mail: hash, net: '1234.50', at: '2024-01-31 08:15:00Z' },
            ...{ country: 'DE', gross: '1469.0550', region: 'central' },
          },
        },
        {
          ...at,
          line: 6,
          values: {
            ...{ id: '5', mail: null, net: '0.50', at: '2024-07-31 07:15:00Z' },
            ...{ country: null, gross: '0.5950', region: null },
          },
        },
      ],
      quarantine: [
        { ...at, line: 3, reason: 'BAD_VALUE', subject: 'net' },
        {
          ...at,
          line: 4,
          reason: 'BAD_VALUE',
          subject: 'at',
          detail: expect.stringContaining('summer time') as string,
        },
        { ...at, line: 5, reason: 'MISSING_COLUMNS', subject: '' },
      ],
    });
    expect(found.rows.map(({ line }) => line)).toEqual([2, 6]);
    expect(found.quarantine.map(({ raw }) => raw)).toEqual([
      '{"id":"2","mail":"[personal]","phone":"[personal]","net":"free","at":"31.01.2024 09:17","country":"FR"}',
      '{"id":"3","mail":"[personal]","phone":"[personal]","net":"5","at":"31.03.2024 02:30","country":"FR"}',
      '[personal]',
    ]);
  });

  test('tells a person what was looked at, what would become of it, and what only a run decides', async () => {
    await put('a.csv', 'id,note,size\n1,ann\u001b[2J,XL\nx,,M\n3,"two\nlines",\n4,,S\n');
    const { code, stdout } = await preview(
      {
        columns: [ID, 'name: note, type: String, required: false, default: ""', 'name: size, type: Nullable(UInt8)'],
        more: `schema: { badValues: 'null' }
checks:
  rows: [{ name: early, expression: id < 3, action: warn }]
  columns:
    - { column: id, unique: true }
    - { column: note, maxNulls: 5 %, action: warn }
    - { column: id, reference: { dataset: other, column: id } }
  run: { minRows: 1 }
`,
      },
      ...['--rows', '3'],
    );
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'orders: its first 3 rows, from a.csv; there may be more.',
      '2 would land, 1 would be set aside:',
    ]);
    expect(stdout).toMatch(/│ a\.csv:2 +│ 1 +│ ann\\u001b\[2J +│ NULL +│/);
    expect(stdout).toMatch(/│ a\.csv:4 +│ 3 +│ two\\nlines +│ NULL +│/);
    expect(stdout).toMatch(
      /│ a\.csv:3 │ BAD_VALUE │ id +│ id: 'x' is no whole number +│ \{"id":"x","note":"","size":"M"\} +│/,
    );
    expect(stdout).not.toContain('\u001b');
    expect(lines.slice(-5)).toEqual([
      'warning: 1 of the values of size would be dropped: its type can not hold them',
      'warning: 1 of the rows that would land break the check early',
      'ClickHouse was not reached: which columns the table has is not known.',
      'Only a run decides: unique of id; maxNulls of note; reference of id; checks.run; maxQuarantined of 5 %; duplicates by id.',
      '',
    ]);
  });

  test('of a row with many columns makes a list', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `c${index}`);
    await put('a.csv', `id,${names.join()}\n7,${names.join()}\n`);
    const { stdout } = await preview({ columns: [ID, ...names.map((name) => `name: ${name}, type: String`)] });
    expect(stdout).toContain('would be set aside:\na.csv:2\n  id: 7\n  c0: c0\n');
  });

  test('opens no file before its turn, and goes on to as many as it needs', async () => {
    await put('a.csv', 'id\n1\n2\n3\n');
    await put('b.csv', 'name,id\nx,4\n');
    // Of an archive that is broken the beginning alone is there.
    await put('c.csv', Buffer.from('1f8b0800000000000003', 'hex'));
    const ids = ({ rows }: PreviewReport): (string | null | undefined)[] => rows.map(({ values }) => values['id']);
    const few = await report({ columns: [ID] }, '--rows', '2');
    expect([ids(few), few.inputs, few.whole]).toEqual([['1', '2'], ['a.csv'], false]);
    const more = await report({ columns: [ID] }, '--rows', '4');
    expect([ids(more), more.inputs]).toEqual([
      ['1', '2', '3', '4'],
      ['a.csv', 'b.csv'],
    ]);
    const { code, stdout, stderr } = await preview({ columns: [ID] }, '--rows', '5');
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^c\.csv: .*\n$/)]);
  });

  test('looks at Parquet and at JSON as at texts', async () => {
    await put('a.json', '{"data":[{"id":1,"net":{"sum":12345678901234567.25}},{"id":2,"net":{"sum":null}},{"id":3}]}');
    const columns = [ID, "name: sum, from: net.sum, type: 'Nullable(Decimal(38, 2))'"];
    const json = await report({ columns, format: 'type: json, records: data' }, '--rows', '2');
    expect([json.rows.map(({ values }) => values), json.whole]).toEqual([
      [
        { id: '1', sum: '12345678901234567.25' },
        { id: '2', sum: null },
      ],
      false,
    ]);
    await rm(join(folder, 'data', 'a.json'));
    await put('b.parquet', 'nothing');
    const none = await preview({ columns, format: 'type: parquet' });
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/^b\.parquet: is no whole Parquet file: .*\n$/),
    ]);
    const duck = await DuckDBInstance.create(':memory:');
    const connection = await duck.connect();
    const sql = `SELECT range AS id, {'sum': CAST(range / 4 AS DECIMAL(9, 2))} AS net FROM range(5)`;
    await connection.run(`COPY (${sql}) TO '${join(folder, 'data', 'a.parquet')}' (FORMAT parquet)`);
    connection.closeSync();
    duck.closeSync();
    const parquet = await report({ columns, format: 'type: parquet' }, '--rows', '5');
    expect([parquet.rows.map(({ line, values }) => [line, values['sum']]), parquet.whole]).toEqual([
      [
        [1, '0.00'],
        [2, '0.25'],
        [3, '0.50'],
        [4, '0.75'],
        [5, '1.00'],
      ],
      false,
    ]);
  });

  test('ends with 1 where a run of these rows would fail, and shows why', async () => {
    await put('a.csv', 'id,tip\n1,x\n2,y\n');
    const frozen = await preview({ columns: [ID], more: 'schema: { newColumns: freeze }' });
    expect([frozen.code, frozen.stdout]).toEqual([
      1,
      expect.stringContaining(
        'A run of these rows alone would fail: the source has tip, which the manifest does not name',
      ),
    ]);
    const failing = 'checks: { rows: [{ name: small, expression: id < 2, action: fail }] }';
    const { rows, quarantine, failure } = await report({ columns: [ID], more: failing });
    expect([rows.length, quarantine.map(({ line, subject }) => [line, subject]), failure]).toEqual([
      1,
      [[3, 'small']],
      'small: id < 2 does not hold (line 3 of a.csv)',
    ]);
    const lacking = await preview({ columns: [ID, 'name: net, type: String'] });
    expect([lacking.code, lacking.stdout]).toEqual([
      1,
      expect.stringContaining('the source lacks net; it has id, tip'),
    ]);
  });

  test('says what becomes of new columns, and shows those that a run would add', async () => {
    await put('a.csv', 'id,tip,a.b\n1,x,\n2,,y\n');
    const kept = await report({ columns: [ID], more: 'schema: { newColumns: ignore }' });
    expect([kept.newColumns, kept.columns.length]).toEqual([{ names: [], policy: 'ignore' }, 1]);
    const aside = await report({ columns: [ID], more: 'schema: { newColumns: quarantine }' });
    expect([aside.newColumns.names, aside.quarantine.map(({ reason }) => reason)]).toEqual([
      ['tip', 'a.b'],
      ['NEW_COLUMNS', 'NEW_COLUMNS'],
    ]);
    const refused = await preview({ columns: [ID], more: 'schema: { newColumns: evolve }' });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      'new columns of the source: "a.b": no column can have this name: name it in the manifest, with from\n',
    ]);
    await put('a.csv', 'id,tip\n1,x\n2,\n');
    const added = await report({ columns: [ID], more: 'schema: { newColumns: evolve }' });
    expect([added.newColumns.names, added.columns[1], added.rows.map(({ values }) => values['tip'])]).toEqual([
      ['tip'],
      { name: 'tip', type: 'Nullable(String)', isNew: true },
      ['x', null],
    ]);
  });

  test('ends with 1 and a sentence where a lookup needs ClickHouse, or a secret is not there', async () => {
    await put('a.csv', 'id,mail\n1,ann@example.org\n');
    const enrich = 'enrich: [{ name: who, lookup: { dataset: people }, on: { id: id }, take: { person: name } }]';
    const lookup = await preview({ columns: [ID, 'name: person, type: Nullable(String)'], more: enrich });
    expect([lookup.code, lookup.stderr]).toEqual([
      1,
      expect.stringMatching(/^ClickHouse, which who is looked up in: .+\n$/),
    ]);
    vi.stubEnv('PENSTOCK_SECRETS_DIR', undefined);
    const secret = await preview({ columns: [ID, 'name: mail, type: String, personal: hash'] });
    expect([secret.code, secret.stderr]).toEqual([
      1,
      'there is no secret PENSTOCK_DATASETS_HASH_KEY: PENSTOCK_SECRETS_DIR is not set\n',
    ]);
  });

  test(
    'opens so many files at most',
    async () => {
      await Promise.all(Array.from({ length: 1_001 }, (_, index) => put(`${index}.csv`, '')));
      const { stdout } = await preview({ columns: [ID] });
      expect(stdout.split('\n')[0]).toBe('orders: no row was found in what was looked at; there may be more.');
    },
    PATIENCE_MS,
  );

  test(
    'reads so many bytes at most',
    async () => {
      // No line ends behind the first: all of it would be read to find the end of a row.
      await put('0.csv', 'id\n');
      await truncate(join(folder, 'data', '0.csv'), 257 * 2 ** 20);
      const large = await preview({ columns: [ID], format: 'type: parquet' });
      expect([large.code, large.stderr]).toEqual([
        1,
        '0.csv has 257 MiB, and without a run a Parquet file of at most 256 MiB is fetched\n',
      ]);
      const endless = await preview({ columns: [ID], format: 'type: ndjson, compression: none' });
      expect([endless.code, endless.stderr]).toEqual([
        1,
        '64 MiB were read for a few rows, and without a run no more are read\n',
      ]);
    },
    PATIENCE_MS,
  );

  test('says that nothing is there, and ends with 2 for what it can not be asked', async () => {
    const { code, stdout } = await preview({ columns: [ID] });
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'orders: no row was found.']);
    expect((await preview({ columns: [ID] }, '--rows', '0')).code).toBe(2);
    expect((await preview({ columns: [ID] }, '--rows', '1001')).code).toBe(2);
    expect((await runProgram('dataset', 'preview', join(folder, 'nothing.yaml'))).code).toBe(2);
    const wrong = await preview({ columns: ['name: id, type: Int'] });
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('orders.yaml:6:23: columns[0].type')]);
  });
});
