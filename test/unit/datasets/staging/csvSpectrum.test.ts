import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cutPieces } from '../../../../src/datasets/records/index.js';
import type { QuarantinedRow } from '../../../../src/datasets/staging/index.js';
import { input } from '../records/cutting.js';
import { Bench, manifestOf } from './stage.js';

/** The public collection of awkward CSV files (npm csv-spectrum), on the way of every run: cut, staged, read back. */

type Row = Record<string, string | null>;

const FOLDER = dirname(createRequire(import.meta.url).resolve('csv-spectrum/package.json'));
const NAMES = readdirSync(join(FOLDER, 'csvs')).map((name) => name.replace(/\.csv$/, ''));
const rowSchema = z.record(z.string(), z.string());
/** One of its files has a single row in place of a list. */
const rowsSchema = z.union([z.array(rowSchema), rowSchema.transform((row) => [row])]);

const fileOf = (name: string): Buffer => readFileSync(join(FOLDER, 'csvs', `${name}.csv`));
const jsonOf = (name: string): Row[] =>
  rowsSchema.parse(JSON.parse(readFileSync(join(FOLDER, 'json', `${name}.json`), 'utf8')));

/** Where the JSON of the collection is not what is in its CSV file. */
const MISTAKES: Record<string, (rows: Row[]) => Row[]> = {
  // The JSON has another number than the file.
  location_coordinates: (rows) => rows.map((row) => ({ ...row, 'Contact Phone Number': '2095257564' })),
};

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

interface Landing {
  rows: Row[];
  setAside: Pick<QuarantinedRow, 'source' | 'line' | 'reason' | 'detail' | 'raw'>[];
}

/** What lands of a file whose columns are all texts, of which none means nothing. */
async function landing(bytes: Uint8Array, names: readonly string[], chunkBytes = 10_000): Promise<Landing> {
  const columns = names.map((name, index) => `name: c${index}, from: ${JSON.stringify(name)}, type: String`);
  const manifest = manifestOf(columns, '', 'type: csv, nulls: []');
  const found: Landing = { rows: [], setAside: [] };
  const pieces = cutPieces([input('a.csv', bytes, chunkBytes)], { format: manifest.format, dir: bench.dir });
  for await (const piece of pieces) {
    const { landed, setAside } = await bench.piece(manifest, piece);
    for (const values of landed.values())
      found.rows.push(Object.fromEntries(names.map((name, index) => [name, values[index] ?? null])));
    for (const { source, line, reason, detail, raw } of setAside.values())
      found.setAside.push({ source, line, reason, detail, raw });
  }
  return found;
}

describe('the files of csv-spectrum', () => {
  it('are all there', () => {
    expect(NAMES).toEqual([
      ...['comma_in_quotes', 'empty', 'empty_crlf', 'escaped_quotes', 'json', 'location_coordinates', 'newlines'],
      ...['newlines_crlf', 'quotes_and_newlines', 'simple', 'simple_crlf', 'utf8'],
    ]);
  });

  it.each(NAMES)('%s lands as its JSON says, and nothing of it is set aside', async (name) => {
    const json = jsonOf(name);
    const rows = MISTAKES[name]?.(json) ?? json;
    const names = Object.keys(rows[0] ?? {});
    expect(await landing(fileOf(name), names)).toEqual({ rows, setAside: [] });
    // However its bytes come.
    expect(await landing(fileOf(name), names, 1)).toEqual({ rows, setAside: [] });
    expect(await landing(gzipSync(fileOf(name)), names)).toEqual({ rows, setAside: [] });
  });

  it('differ from their JSON in one value alone', async () => {
    for (const [name, mend] of Object.entries(MISTAKES)) {
      const json = jsonOf(name);
      const { rows } = await landing(fileOf(name), Object.keys(json[0] ?? {}));
      expect(rows).not.toEqual(json);
      expect(rows).toEqual(mend(json));
    }
  });

  it('that are cut off within quotes have what is left set aside, by line and reason, and land what was before', async () => {
    const cutOff = async (name: string, behind: string): Promise<[Row[], [number, string, string][]]> => {
      const bytes = fileOf(name);
      const end = bytes.indexOf(behind) + behind.length;
      const { rows, setAside } = await landing(bytes.subarray(0, end), Object.keys(jsonOf(name)[0] ?? {}));
      return [rows, setAside.map(({ line, reason, raw }) => [line, reason, raw])];
    };
    expect(await cutOff('newlines_crlf', 'Once upon \r\na t')).toEqual([
      [{ a: '1', b: '2', c: '3' }],
      [
        [3, 'MALFORMED', '"Once upon '],
        [4, 'MISSING_COLUMNS', 'a t'],
      ],
    ]);
    expect(await cutOff('quotes_and_newlines', '\n""ha"" \nh')).toEqual([
      [],
      [
        [2, 'MALFORMED', '1,"ha '],
        [3, 'MALFORMED', '""ha"" '],
        [4, 'MISSING_COLUMNS', 'h'],
      ],
    ]);
    expect(await cutOff('json', '[102.0, 0.5')).toEqual([
      [],
      [[2, 'MALFORMED', '1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5']],
    ]);
    // What is cut off in a character of two bytes.
    const { rows, setAside } = await landing(fileOf('utf8').subarray(0, -1), ['a', 'b', 'c']);
    expect([rows.length, setAside]).toEqual([
      1,
      [{ source: 'a.csv', line: 3, reason: 'NOT_UTF8', detail: 'is not UTF-8', raw: '4,5,Ê' }],
    ]);
  });
});
