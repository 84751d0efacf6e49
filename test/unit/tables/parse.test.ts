import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { checkTables, checkText } from '../../../src/cli/tables/check.js';
import { ConfigError } from '../../../src/config/index.js';
import { openTables } from '../../../src/tables/index.js';
import { parseTables } from '../../../src/tables/parse.js';
import { OWN_TABLES } from '../../../src/tables/schema.js';

const ROOT = new URL('../../../', import.meta.url);
const published = JSON.parse(readFileSync(new URL('schemas/sink.v1.schema.json', ROOT), 'utf8')) as object;
const fits = new Ajv2020({ strict: true, allErrors: true }).compile(published);

const table = { topic: 'orders', table: 'shop.orders', columns: ['id', 'at'], maxRows: 1_000 };
const file = (...tables: unknown[]): string => JSON.stringify({ version: 1, tables });
const told = (text: string): string => {
  try {
    parseTables(text, 'sink.json', 'penstock');
    return 'taken';
  } catch (error) {
    return (error as Error).message;
  }
};

it('takes what the published schema takes, with its defaults', () => {
  for (const one of [table, { topic: 'a.b-c_1', table: 'a' }, { ...table, position: true, unknownFields: 'skip' }])
    expect([fits({ version: 1, tables: [one] }), told(file(one))]).toEqual([true, 'taken']);
  expect(parseTables(file({ topic: 'a', table: 'b' }), 'sink.json', 'penstock')).toEqual([
    ...[{ topic: 'a', table: 'b', format: 'JSONEachRow', unknownFields: 'refuse', position: false, everyMs: 1_000 }],
  ]);
});

it.each([
  [{ table: 'a' }, 'tables[0].topic: missing, should be the name of a Kafka topic'],
  [{ ...table, topic: 'penstock.image-results' }, "tables[0].topic: 'penstock.image-results', should be"],
  [{ ...table, table: 'image_results' }, "tables[0].table: 'image_results', should be the name of a table that"],
  [{ ...table, table: 'a; DROP TABLE b' }, "tables[0].table: 'a; DROP TABLE b', should be"],
  [{ ...table, columns: ['id', 'a b'] }, "tables[0].columns[1]: 'a b', should be the name of a column, like id"],
  [{ ...table, columns: [] }, 'tables[0].columns: should be a list of column names'],
  [{ ...table, format: 'CSV' }, "tables[0].format: 'CSV', should be JSONEachRow"],
  [{ ...table, maxRows: 0.5 }, 'tables[0].maxRows: 0.5, should be a whole number from 1 to 1000000'],
  [{ ...table, everyMs: 5 }, 'tables[0].everyMs: 5, should be a whole number of milliseconds from 100'],
  [{ ...table, unknownFields: 'keep' }, "tables[0].unknownFields: 'keep', should be refuse or skip"],
  [{ ...table, colums: ['id'] }, 'tables[0].colums: no such field; there are topic, table, format, columns'],
])('refuses %j, names the field and says what would be right', (wrong, message) => {
  expect(told(file(wrong))).toContain(`sink.json: ${message}`);
  if (!('table' in wrong && wrong.table === 'image_results')) expect(fits({ version: 1, tables: [wrong] })).toBe(false);
});

it('refuses a topic twice, a column twice, a file that is none', () => {
  expect(told(file(table, table))).toBe("sink.json: tables[1].topic: 'orders', tables[0] has this topic already");
  expect(told(file({ ...table, columns: ['a', 'a'] }))).toContain("tables[0].columns: 'a' is there twice");
  expect(told(file({ ...table, table: 'penstock.image_results' }))).toContain(
    "tables[0].table: 'penstock.image_results' is Penstock's own",
  );
  expect(told(file({ ...table, table: 'shop.image_results' }))).toBe('taken');
  expect(told('{')).toContain('sink.json: the file: no JSON');
  expect(told('[]')).toBe('sink.json: the file: should be an object with version and tables');
  expect(told(JSON.stringify({ version: 2, tables: [table] }))).toContain('version: 2, should be 1');
  expect(told(file())).toContain('tables: should be at least one table');
});

it('knows every table of Penstock', () => {
  const folder = new URL('src/warehouse/migrations/', ROOT);
  const made = readdirSync(folder).flatMap((name) => [
    ...readFileSync(new URL(name, folder), 'utf8').matchAll(/^CREATE TABLE IF NOT EXISTS (\w+)/gm),
  ]);
  expect(made.map(([, name]) => name).filter((name) => !OWN_TABLES.includes(name ?? ''))).toEqual([]);
  expect(made.length).toBeGreaterThan(5);
});

it('a sink does not start with a file that is wrong, and the check says the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-tables-'));
  try {
    const path = join(folder, 'sink.json');
    await writeFile(path, file({ ...table, table: 7 }));
    const environment = { PENSTOCK_SINK_TABLES_FILE: path };
    const config = { ...environment, PENSTOCK_CLICKHOUSE_DATABASE: 'penstock' };
    await expect(openTables(config)).rejects.toThrow(ConfigError);
    await expect(openTables(config)).rejects.toThrow(`${path}: tables[0].table: 7, should be`);
    const report = await checkTables(undefined, environment);
    expect(report).toMatchObject({ ok: false, problems: [expect.stringContaining('tables[0].table: 7')] });
    expect(checkText(report)).toContain('This file can not be used:');
    await writeFile(path, file(table));
    expect(checkText(await checkTables(path, {}))).toMatch(/orders\s+│ shop.orders\s+│ id, at\s+│ refuse\s+│ 1000/);
    await expect(checkTables(join(folder, 'none.json'), {})).rejects.toThrow('ENOENT');
    await expect(checkTables(undefined, {})).rejects.toThrow('PENSTOCK_SINK_TABLES_FILE');
  } finally {
    await rm(folder, { recursive: true });
  }
});
