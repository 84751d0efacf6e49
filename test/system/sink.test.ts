import { NO_TRACING } from '../../src/tracing/index.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEAD_LETTERS_TOPIC, type DeadLetter } from '../../src/domain/index.js';
import { sinkMetrics } from '../../src/sink/metrics.js';
import { insertBlock } from '../../src/sink/insertBlock.js';
import { createSink } from '../../src/sink/sink.js';
import { createMetrics } from '../../src/telemetry/index.js';
import { connectWarehouse, countDeadLetters, countImages, migrate, type Warehouse } from '../../src/warehouse/index.js';
import { imageResult, seenThrough, sliceOf } from '../unit/sink/results.js';
import { startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

const log = pino({ level: 'silent' });
let server: ClickHouseServer;
let directory = '';
let databases = 0;
let warehouse: Warehouse;
let letters: DeadLetter[] = [];
let sink: ReturnType<typeof seenThrough>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-sink-'));
  server = await startClickHouse(directory);
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  const account = { url: server.url, username: 'default', password: '', database: `sink_${(databases += 1)}` };
  await migrate({ ...account, log });
  warehouse = connectWarehouse(account, { retentionDays: 396, log });
  letters = [];
  const handler = createSink({
    pace: {},
    tracing: NO_TRACING,
    insert: (block) => insertBlock(warehouse, block, { timeoutMs: 30_000, signal: new AbortController().signal }),
    producer: {
      send: (_topic, records) => {
        letters.push(...records.map(({ value }) => JSON.parse(value) as DeadLetter));
        return Promise.resolve();
      },
    },
    limits: { maxRows: 50_000, maxPartitions: 50 },
    retentionDays: 396,
    metrics: sinkMetrics(createMetrics('sink')),
    log,
    onWaiting: () => undefined,
    stopping: new AbortController().signal,
  });
  sink = seenThrough(handler);
  return () => warehouse.close();
});

test('rows that ClickHouse refuses become dead letters with its message, all others are stored', async () => {
  const values = Array.from({ length: 3_000 }, (_, n) => imageResult({ object: `o${n}` }));
  // JSON may hold half of a surrogate pair; ClickHouse does not take it.
  const detections = [{ class: 'half\ud800', score: 0.9, xMin: 0, yMin: 0, xMax: 1, yMax: 1 }];
  for (const n of [5, 1_500, 2_999]) values[n] = imageResult({ object: `o${n}`, detections });
  expect(await sink(sliceOf(values))).toEqual({ consumed: 3_000 });
  expect(await countImages(warehouse)).toMatchObject({ images: 2_997 });
  expect(letters.map(({ reason, origin }) => [reason, origin]).sort()).toEqual([
    ['ROW_REFUSED', 'penstock.image-results/0/1500'],
    ['ROW_REFUSED', 'penstock.image-results/0/2999'],
    ['ROW_REFUSED', 'penstock.image-results/0/5'],
  ]);
  expect(letters[0]?.detail).toMatch(/^Code: \d+/);

  expect(await sink(sliceOf(letters, { topic: DEAD_LETTERS_TOPIC }))).toEqual({ consumed: 3 });
  expect(await countDeadLetters(warehouse)).toEqual({ ROW_REFUSED: 3 });
});

test('a ClickHouse that is killed in the middle is waited for, and every row is there once', async () => {
  const port = Number(new URL(server.url).port);
  const slices = Array.from({ length: 12 }, (_, partition) =>
    sliceOf(
      Array.from({ length: 500 }, (_, n) => imageResult({ object: `p${partition}-${n}` })),
      { partition },
    ),
  );
  const done = Promise.all(slices.slice(0, 6).map((slice) => sink(slice)));
  await server.stop('SIGKILL');
  const late = Promise.all(slices.slice(6).map((slice) => sink(slice)));
  server = await startClickHouse(directory, { port });
  await done;
  await late;
  await Promise.all(slices.slice(0, 3).map((slice) => sink(slice)));
  expect(await countImages(warehouse)).toMatchObject({ images: 6_000 });
});

test('a backfill over a year of months is stored', async () => {
  const month = 30 * 86_400_000;
  const values = Array.from({ length: 1_300 }, (_, n) =>
    imageResult({ object: `o${n}`, uploadedAtMs: Date.now() - (n % 13) * month }),
  );
  await sink(sliceOf(values));
  expect(await countImages(warehouse)).toMatchObject({ images: 1_300 });
});
