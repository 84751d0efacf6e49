import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertBlock } from '../../src/sink/insertBlock.js';
import { cutBlocks, insertIsolating, type RecordSource, type Retention, type Row } from '../../src/sink/block.js';
import { packRecords } from '../../src/sink/pack.js';
import { readRow, sourceOf } from '../../src/sink/rows.js';
import {
  connectWarehouse,
  imageResultRecords,
  migrate,
  packStrings,
  type Warehouse,
} from '../../src/warehouse/index.js';
import { imageResult, sliceOf } from '../unit/sink/results.js';
import { startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

const DAYS = 396;
const log = pino({ level: 'silent' });
const TARGET = imageResultRecords(DAYS);
let server: ClickHouseServer;
let directory = '';
let warehouse: Warehouse;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-records-'));
  server = await startClickHouse(directory);
  const account = { url: server.url, username: 'default', password: '', database: 'records' };
  await migrate({ ...account, log });
  warehouse = connectWarehouse(account, { retentionDays: DAYS, log });
});
afterAll(async () => {
  await warehouse.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const source = (value: Buffer): RecordSource =>
  sourceOf(sliceOf([]), { offset: 0n, key: null, value, timestampMs: Date.now() });

async function insert(rows: readonly Row[]): Promise<void> {
  const signal = new AbortController().signal;
  await insertIsolating(rows, (block) => insertBlock(warehouse, block, { timeoutMs: 60_000, signal }));
}

/** What the table holds after these inserts alone, a text for each row. */
async function stored(work: () => Promise<void>): Promise<string[]> {
  await warehouse.command('TRUNCATE TABLE image_results');
  await work();
  const rows = await warehouse.query('SELECT * EXCEPT (stored_at), version FROM image_results');
  return rows.map((row) => JSON.stringify(row));
}

const retention = (): Retention => ({ days: DAYS, nowMs: Date.now() });

/** Rows as the schema of the message has them. */
const storedAsRead = (records: readonly Buffer[]): Promise<string[]> =>
  stored(async () => {
    const read = records.map((record) => readRow(source(record), retention()));
    const rows = read.flatMap((one) => (one.kind === 'row' ? [one.row] : []));
    for (const block of cutBlocks(rows, { maxRows: 10_000, maxPartitions: 50 })) await insert(block);
  });

/** Rows of records as they came; with `leavesOut` each that is refused is left out, and not the block. */
const storedAsTheyCame = (records: readonly Buffer[], { leavesOut = false } = {}): Promise<string[]> =>
  stored(async () => {
    const select = TARGET.select?.replace(/throwIf\(NOT (.*), 'a record is no result'\) = 0$/, '$1');
    expect(select).not.toBe(TARGET.select);
    const target = leavesOut ? { ...TARGET, ...(select !== undefined && { select }) } : TARGET;
    await insert(
      records.map((record) => ({ target, tablePartition: 0, data: packStrings([record]), source: source(record) })),
    );
  });

const box = (fields: object = {}): object => ({
  class: 'disc',
  score: 0.5,
  xMin: 1,
  yMin: 2.25,
  xMax: 30,
  yMax: 40,
  ...fields,
});
let results = 0;
/** Each is another image, so that none replaces another in the table. */
const result = (fields: object = {}): Record<string, unknown> => ({
  ...imageResult({ object: `${(results += 1)}.jpg`, generation: String(10 ** 15 + results), runId: `r${results}` }),
  detections: [box(), box({ class: 'ring' })],
  ...fields,
});
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const GOOD: Record<string, Buffer> = {
  'with boxes': bytes(result()),
  'without a box': bytes(result({ detections: [] })),
  dead: bytes(result({ status: 'dead', reason: 'CORRUPT_IMAGE', detail: 'no "picture"\n', detections: [], width: 0 })),
  'with a name of many scripts': bytes(result({ object: 'ü/画像/🙂 a"b\\c.jpg' })),
  'with a field of a later release': bytes(result({ later: { detections: [1] } })),
  'with a class like a key': bytes(result({ detections: [box({ class: '"xMin":' }), box({ class: '\u0000' })] })),
};

test.each(Object.entries(GOOD))('a result %s is stored as it came, as if it had been read', async (_name, record) => {
  const rows = await storedAsTheyCame([record]);
  expect(rows).toHaveLength(1);
  expect(rows).toEqual(await storedAsRead([record]));
});

/** What a field may hold instead of what it should. */
const ODD: readonly unknown[] = [
  ...[undefined, null, true, false, '', ' ', '0', '12', '-1', 'NaN', '.', '..', 'a'.repeat(97), 'é'.repeat(600)],
  ...[0, -0, 1, -1, 1.5, 2, 1e10, 1e300, 4_294_967_296, 2 ** 53, -(2 ** 40), [], [1], ['a'], {}, { v: 1 }, [[]], [{}]],
  ...['\ud800', 'half\udc00', '18446744073709551616', '9223372036854775808', 'detected', 'dead', 'POISON', 'NO_REASON'],
];

function* odd(): Generator<Buffer> {
  const of = (fields: object): string => JSON.stringify(fields);
  for (const field of [...Object.keys(result()), 'reason', 'detail'])
    for (const value of ODD) yield bytes(result({ [field]: value }));
  for (const field of Object.keys(box()))
    for (const value of ODD) {
      const detections = [box(), box({ [field]: value })];
      yield bytes(result({ detections }));
    }
  for (const value of ODD) yield bytes(result({ detections: [box(), value] }));
  const old = Date.now() - (DAYS + 1) * 86_400_000;
  yield bytes(result({ uploadedAtMs: old }));
  yield bytes(result({ detectedAtMs: Date.UTC(2101, 0) }));
  const good = of(result());
  for (const text of [
    ...['', '{}', '[]', 'null', '1', '"x"', `[${good}]`, `${good}${good}`, `${good},`, `${good}x`, ` ${good}\n`],
    ...[good.slice(0, -1), good.slice(1), good.replace(':', '='), good.replace('"v":1', '"v":01')],
    ...[good.replace('"v":1', '"v":1,"v":2'), good.replace('"v":1', '"v":2,"v":1'), good.replace('"v"', '"V"')],
    ...[good.replace('"detections":[', '"detections": ['), good.replace('"width":', '"width":1,"width":')],
    ...[good.replace('"detections":[', '"detections":[],"detections":['), good.replace('0.5', '1e400')],
    ...[good.replace('"detections":[', '"x":{"detections":[],"xMin":0},"y":[')],
  ])
    yield Buffer.from(text);
  // No UTF-8, and bytes that are others by chance.
  const whole = Buffer.from(good);
  for (let at = 1; at < whole.length; at += 7)
    for (const byte of [0, 0x22, 0x2c, 0x5c, 0x7d, 0xff]) {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      yield changed;
    }
}

test('what ClickHouse takes as it came is what the schema takes, as the same row', async () => {
  const records = [...odd()];
  const taken = await storedAsTheyCame(records, { leavesOut: true });
  const read = new Set(await storedAsRead(records));
  expect(taken.filter((row) => !read.has(row))).toEqual([]);
  // Next to what is surely a result, few are left to be read one by one.
  expect(taken.length).toBeGreaterThan(read.size / 2);
});

test('one that is refused has its block refused, and the whole of it', async () => {
  const records = [...Object.values(GOOD), bytes(result({ width: 'wide' }))];
  expect(await storedAsTheyCame(records.slice(0, -1))).toHaveLength(records.length - 1);
  const slice = sliceOf([]);
  const stream = records.map((value, index) => ({ offset: BigInt(index), key: null, value, timestampMs: 0 }));
  const { target, count, data } = packRecords(slice, stream, TARGET);
  const refused = stored(async () => {
    const block = { target, rows: count, data: [data] };
    const outcome = await insertBlock(warehouse, block, { timeoutMs: 60_000, signal: slice.signal });
    expect(outcome).toMatchObject({
      kind: 'data',
      message: expect.stringContaining('a record is no result') as string,
    });
  });
  expect(await refused).toEqual([]);
});
