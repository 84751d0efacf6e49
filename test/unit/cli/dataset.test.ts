import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseManifest } from '../../../src/datasets/index.js';
import { temporaryFolder } from '../embedded/rig.js';
import { runProgram } from './runProgram.js';

const ORDERS = `version: penstock/v1
name: orders
source: { type: objects, bucket: shop-exports, match: ['orders/*.csv'] }
format: { type: csv }
columns:
  - { name: order_id, type: UInt64 }
  - { name: customer_id, type: UInt64 }
  - { name: segment, type: String }
enrich:
  - name: customer
    lookup: { dataset: customers }
    on: { customer_id: customer_id }
    take: { segment: segment }
checks:
  columns: [{ column: customer_id, reference: { dataset: customers, column: customer_id } }]
target: { mode: replace, key: [order_id], orderBy: [order_id] }
`;
const CUSTOMERS = `version: penstock/v1
name: customers
source: { type: objects, bucket: shop-exports, match: ['customers.csv'] }
format: { type: csv }
columns:
  - { name: customer_id, type: UInt64 }
  - { name: segment, type: String }
target: { mode: replace, key: [customer_id], orderBy: [customer_id] }
`;

/** Runs `penstock dataset …`. */
const run = (...args: string[]) => runProgram('dataset', ...args);

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('penstock dataset check', () => {
  test('shows the datasets of a folder that can be used, and takes nothing deeper in it', async () => {
    const folder = await folderOf({ 'b.yaml': ORDERS, 'a.yml': CUSTOMERS, 'notes.txt': '?' });
    await mkdir(join(folder, 'deeper'));
    await writeFile(join(folder, 'deeper', 'wrong.yaml'), '?');
    const { code, stdout } = await run('check', folder);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/│ customers .*\n│ orders +│ objects │ csv +│ 3 +│ replace │ order_id +│ .*b\.yaml +│/),
    ]);
    expect(stdout).not.toContain('warning');
  });

  test('ends with 1 where one is wrong, and tells what is wrong in all, by line and column', async () => {
    const folder = await folderOf({
      'a.yaml': ORDERS.replace('type: csv', 'type: cvs'),
      'b.yaml': CUSTOMERS.replace('mode: replace', 'mod: replace'),
      'c.yaml': 'name: [',
    });
    const { code, stdout } = await run('check', folder);
    expect(code).toBe(1);
    expect(stdout).toContain(`${join(folder, 'a.yaml')}:4:17: format.type: 'cvs', should be type csv, tsv`);
    expect(stdout).toContain(`${join(folder, 'b.yaml')}:8:11: target.mod: no such key; there are mode,`);
    expect(stdout).toMatch(/c\.yaml:1:\d+: /);
    expect(stdout).toContain('3 of 3 can not be used.');
    const { stdout: json } = await run('check', folder, '--json');
    expect(JSON.parse(json)).toMatchObject({
      ok: false,
      files: [
        { name: 'orders', problems: [{ line: 4, column: 17 }], dataset: null },
        {
          name: 'customers',
          problems: [
            { line: 8, column: 9 },
            { line: 8, column: 11 },
          ],
        },
        { name: null, problems: [{ line: 1 }] },
      ],
    });
  });

  test('refuses a name that two manifests have, at the second', async () => {
    const folder = await folderOf({ 'a.yaml': CUSTOMERS, 'b.yaml': `# twice\n${CUSTOMERS}` });
    const { code, stdout } = await run('check', folder);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `${join(folder, 'b.yaml')}:3:7: name: 'customers', ${join(folder, 'a.yaml')} has it already`,
    );
    expect(stdout).toContain('1 of 2 can not be used.');
  });

  test('takes a file once, however often it is named', async () => {
    const folder = await folderOf({ 'a.yaml': CUSTOMERS });
    const file = join(folder, 'a.yaml');
    const { code, stdout } = await run('check', file, folder, file, '--json');
    expect([code, (JSON.parse(stdout) as { files: unknown[] }).files.length]).toEqual([0, 1]);
  });

  test('warns of a dataset that no manifest has, and of a column that it has not', async () => {
    const folder = await folderOf({ 'a.yaml': ORDERS });
    const file = join(folder, 'a.yaml');
    const alone = await run('check', file);
    expect([alone.code, alone.stdout.match(/warning: .*/g)]).toEqual([
      0,
      Array(2).fill('warning: no manifest of those given has the dataset customers'),
    ]);
    expect(alone.stdout).toContain(`${file}:11:24: warning: no manifest`);
    await writeFile(join(folder, 'b.yaml'), CUSTOMERS.replace('name: segment', 'name: tier'));
    const { code, stdout } = await run('check', folder);
    expect([code, stdout.match(/warning: .*/g)]).toEqual([
      0,
      [`warning: customers (${join(folder, 'b.yaml')}) has no column segment`],
    ]);
  });

  test('says nothing of a dataset whose manifest is there and wrong', async () => {
    const folder = await folderOf({ 'a.yaml': ORDERS, 'b.yaml': CUSTOMERS.replace('type: csv', 'type: cvs') });
    const { code, stdout } = await run('check', folder);
    expect([code, stdout.match(/warning/g)]).toEqual([1, null]);
  });

  test('prints what those who run ClickHouse warn about, where it stands', async () => {
    const folder = await folderOf({ 'a.yaml': CUSTOMERS.replace('mode: replace', 'mode: append') });
    const { code, stdout } = await run('check', folder);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/a\.yaml:8:9: warning: nothing is ever deleted from it/)]);
  });

  test('ends with 2 for paths that are not there, all told, an empty folder, none, and a wrong option', async () => {
    const folder = await temporaryFolder();
    const { code, stderr } = await run('check', 'nowhere.yaml', folder, 'nowhere-else.yaml');
    expect([code, stderr.split('\n')]).toEqual([
      2,
      [
        expect.stringMatching(/^nowhere\.yaml: ENOENT/),
        `${folder}: no *.yaml and no *.yml is in it`,
        expect.stringMatching(/^nowhere-else\.yaml: ENOENT/),
        '',
      ],
    ]);
    expect((await run('check')).code).toBe(2);
    expect((await run('check', '--colour', folder)).code).toBe(2);
  });

  test('a file of a folder that can not be read is told like one that is wrong', async () => {
    const folder = await folderOf({ 'a.yaml': CUSTOMERS });
    await symlink('/nowhere', join(folder, 'b.yaml'));
    const { code, stdout } = await run('check', folder);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/b\.yaml:1:1: ENOENT/)]);
  });

  test('checks at most 1,000 manifests', async () => {
    const folder = await folderOf(
      Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`${index}.yaml`, 'x'])),
    );
    expect(await run('check', folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^1001 manifests; at most 1000/) as unknown,
    });
  });
});

const SAMPLE = `id,email,amount,ordered_at\n${Array.from({ length: 40 }, (_, index) => `${index},a${index}@example.org,${index}.50,2024-01-0${1 + (index % 9)}T10:00:00Z`).join('\n')}\n`;

describe('penstock dataset init', () => {
  test('writes a manifest that check takes, and says what is in it', async () => {
    const folder = await folderOf({ 'orders-2024.csv': SAMPLE });
    const out = join(folder, 'orders.yaml');
    const { code, stdout } = await run('init', join(folder, 'orders-2024.csv'), '--out', out);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/│ email +│ String +│ +│ an address of mail +│/)]);
    expect(stdout).toContain(`${out} is written, from all 40 rows of the sample.`);
    expect(parseManifest(await readFile(out, 'utf8'), out).manifest).toMatchObject({
      name: 'orders',
      source: { type: 'files', folder, match: ['orders-*.csv'] },
      columns: [{ type: 'UInt64' }, { type: 'String' }, { type: 'Decimal(18, 2)' }, { type: "DateTime('UTC')" }],
    });
    expect(await run('check', out)).toMatchObject({ code: 0 });
  });

  test('overwrites nothing without --force', async () => {
    const folder = await folderOf({ 'a.csv': SAMPLE, 'a.yaml': 'mine' });
    const args = ['init', join(folder, 'a.csv'), '--out', join(folder, 'a.yaml')];
    expect(await run(...args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/a\.yaml is there already; --force overwrites it/) as unknown,
    });
    expect(await readFile(join(folder, 'a.yaml'), 'utf8')).toBe('mine');
    expect((await run(...args, '--force')).code).toBe(0);
    expect(await readFile(join(folder, 'a.yaml'), 'utf8')).toContain('name: a');
  });

  test('writes into this folder by the name of the dataset, or prints', async () => {
    const folder = await folderOf({ 'a.csv': SAMPLE });
    const before = process.cwd();
    process.chdir(folder);
    onTestFinished(() => {
      process.chdir(before);
    });
    expect((await run('init', 'a.csv', '--name', 'web_orders')).code).toBe(0);
    expect(await readFile('web_orders.yaml', 'utf8')).toContain('name: web_orders');
    expect(await run('init', 'a.csv', '--name', 'web_orders')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is there already/) as unknown,
    });
    const { code, stdout } = await run('init', 'a.csv', '--out', '-');
    expect([code, parseManifest(stdout, '-').manifest.name]).toEqual([0, 'a']);
  });

  test('prints JSON', async () => {
    const folder = await folderOf({ 'a.csv': SAMPLE });
    const { code, stdout } = await run(
      'init',
      join(folder, 'a.csv'),
      '--out',
      join(folder, 'b.yaml'),
      '--json',
      '--rows',
      '9',
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      {
        ...{ name: 'a', format: 'csv', rows: 9, whole: false, key: ['id'] },
        columns: [
          { name: 'id', type: 'UInt64', missing: 0, distinct: 9, personal: null },
          { personal: 'an address of mail' },
          { notes: ['0.50 to 8.50, no two alike.', expect.any(String)] },
          { name: 'ordered_at' },
        ],
      },
    ]);
  });

  test('takes the source of the options', async () => {
    const folder = await folderOf({ 'a.csv': SAMPLE });
    const source = async (...args: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await run('init', join(folder, 'a.csv'), '--out', '-', ...args);
      return code === 0 ? parseManifest(stdout, '-').manifest.source : stderr;
    };
    expect(await source('--bucket', 'shop-exports', '--match', 'orders/*.csv')).toMatchObject({
      ...{ type: 'objects', bucket: 'shop-exports', match: ['orders/*.csv'] },
    });
    expect(await source('--url', 'https://api.example/orders')).toMatchObject({ type: 'http' });
    expect(await source('--source', 'files', '--match', '*.csv')).toMatchObject({ folder, match: ['*.csv'] });
  });

  test.each([
    [['--source', 'objects'], /needs --bucket/],
    [['--source', 'http'], /needs --url/],
    [['--source', 'files', '--bucket', 'abc'], /--bucket is of --source objects alone/],
    [['--bucket', 'abc', '--url', 'https://a.example'], /--url is of --source http alone|--bucket is of/],
    [['--bucket', 'A'], /bucket: should be the name of a bucket/],
    [['--url', 'https://user:pass@a.example'], /url: should be an address of http or https without a login/],
    [['--name', 'Orders'], /'Orders' is no name of a dataset/],
    [['--rows', '0'], /a whole number from 1 to 1000000/],
    [['--format', 'xml'], /Allowed choices are csv, tsv/],
    [['--json', '--out', '-'], /leave out --json/],
  ])('ends with 2 for %j, and writes nothing', async (args, stderr) => {
    const folder = await folderOf({ 'a.csv': SAMPLE });
    const out = join(folder, 'a.yaml');
    expect(await run('init', join(folder, 'a.csv'), '--out', out, ...args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(stderr) as unknown,
    });
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });

  test('ends with 2 for a sample that is not there, and with 1 for one that is none', async () => {
    const folder = await folderOf({ 'a.csv': '' });
    const out = join(folder, 'a.yaml');
    expect(await run('init', 'nowhere.csv', '--out', out)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^nowhere\.csv: ENOENT/) as unknown,
    });
    expect(await run('init', join(folder, 'a.csv'), '--out', out)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing is in it/) as unknown,
    });
    expect(await run('init', join(folder, 'a.csv'), '--out', join(folder, 'no', 'a.yaml'))).toMatchObject({ code: 1 });
  });
});
