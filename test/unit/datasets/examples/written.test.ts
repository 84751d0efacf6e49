import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { decompress } from 'fzstd';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import {
  CsvFile,
  JsonNumber,
  jsonText,
  parquetBytes,
  PLAIN_CSV,
  zstdLines,
  type Encoding,
} from '../../../system/datasets/written/index.js';

/** What is written is what its writer says it is: read by others than the code under test. */

const ROWS = [
  ['1', 'plain', 'x'],
  ['2', 'a "quoted" one; with, all\nand a second line', ''],
  ['3', 'Zoë', ' y '],
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-written-test-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function readBack(bytes: Uint8Array, read: (file: string) => string): Promise<unknown> {
  const file = join(folder, `file-${Math.random()}`);
  await writeFile(file, bytes);
  const duckdb = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await duckdb.connect();
  const reader = await connection.runAndReadAll(read(file));
  const rows = reader.getRowsJson();
  connection.closeSync();
  duckdb.closeSync();
  return rows;
}

it.each<[string, string, '\n' | '\r\n', boolean]>([
  ['commas', ',', '\n', false],
  ['semicolons and \\r\\n', ';', '\r\n', false],
  ['tabulators and gzip', '\t', '\n', true],
])('separated values with %s have the fields that were given', async (_, delimiter, newline, gzip) => {
  const file = new CsvFile('x.csv', { delimiter, newline, encoding: 'utf-8', gzip }, ['id', 'text', 'more']);
  expect(ROWS.map((row) => file.row(row))).toEqual([2, 3, 5]);
  const { bytes } = file.file();
  const read = (path: string): string =>
    `SELECT * REPLACE (coalesce(more, '') AS more) FROM read_csv('${path}', delim = '${delimiter}', quote = '"', escape = '"', header = true,
       all_varchar = true, new_line = '${newline === '\n' ? '\\n' : '\\r\\n'}', compression = '${gzip ? 'gzip' : 'none'}')`;
  expect(await readBack(bytes, read)).toEqual(ROWS);
});

it.each<[Encoding, string]>([
  ['utf-8-bom', 'utf-8'],
  ['utf-16le', 'utf-16le'],
  ['utf-16be', 'utf-16be'],
  ['latin-1', 'latin1'],
])('%s is the same text', (encoding, decoder) => {
  const textOf = (style: Encoding): Buffer => {
    const file = new CsvFile('x.csv', { ...PLAIN_CSV, encoding: style }, ['id', 'ä']);
    for (const row of ROWS) file.row(row);
    return file.file().bytes;
  };
  expect(new TextDecoder(decoder).decode(textOf(encoding))).toBe(textOf('utf-8').toString());
});

test('what has no byte in Latin-1 is refused', () => {
  const file = new CsvFile('x.csv', { ...PLAIN_CSV, encoding: 'latin-1' }, ['id']);
  expect(() => file.row(['Łódź'])).toThrow(/no Latin-1/);
});

test('a row that is no UTF-8 is none, and is one line', () => {
  const file = new CsvFile('x.csv', PLAIN_CSV, ['id', 'text']);
  expect([file.brokenRow(['caf', 'x']), file.row(['1', 'y'])]).toEqual([2, 3]);
  expect(file.file().bytes.toString('latin1')).toBe('id,text\ncaf\u00e9,x\n1,y\n');
});

test('Parquet holds decimals, 64 bits and microseconds exactly', async () => {
  const columns = { id: 'BIGINT', at: 'TIMESTAMP', rate: 'DECIMAL(38, 10)', note: 'VARCHAR' };
  const row = ['9223372036854775807', '2026-09-01 12:00:00.123456', '1234567890123456789012345678.0123456789', null];
  const bytes = await parquetBytes(columns, [row]);
  expect(await readBack(bytes, (path) => `SELECT * FROM read_parquet('${path}')`)).toEqual([row]);
});

test('Zstandard gives the lines back', async () => {
  const lines = ['{"a":"Zoë \\"Q\\", x"}', '', "{'b'}"];
  expect(Buffer.from(decompress(await zstdLines(lines))).toString()).toBe(lines.map((line) => `${line}\n`).join(''));
});

test('gzip has no time in it', () => {
  const file = new CsvFile('x.csv.gz', { ...PLAIN_CSV, gzip: true }, ['id']);
  const { bytes } = file.file();
  expect(bytes.readUInt32LE(4)).toBe(0);
  expect(gunzipSync(bytes).toString()).toBe('id\n');
});

test('JSON has numbers as they were given', () => {
  const value = { id: 2n ** 64n, price: new JsonNumber('19.90'), list: [null, true, 'a"b'], in: { x: '\n' } };
  expect(jsonText(value)).toBe('{"id":18446744073709551616,"price":19.90,"list":[null,true,"a\\"b"],"in":{"x":"\\n"}}');
});
