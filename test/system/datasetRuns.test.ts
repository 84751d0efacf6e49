import { createServer, type Server } from 'node:http';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTemporal, ensureDatasetSchedule, type TemporalClient } from '../../src/client/index.js';
import { planRun } from '../../src/datasets/index.js';
import type { DatasetRun } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { createObjectLister } from '../../src/storage/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { connectWarehouse } from '../../src/warehouse/index.js';
import { applyManifests, landed, putFiles, putObjects, runDataset, type RunReport } from './datasets/rig.js';
import { endpointsNow, eventually } from './pipeline.js';
import { penstock } from './program.js';

/** Runs of large and of replaced inputs, and for moments that are past. */

let temporal: TemporalClient;
let folder: string;

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await connectTemporal();
  folder = await mkdtemp(join(tmpdir(), 'penstock-runs-'));
});
afterAll(async () => {
  await temporal.connection.close();
  await rm(folder, { recursive: true, force: true });
});

const rowsOf = async (dataset: string): Promise<unknown> =>
  (
    await landed(
      `SELECT count() AS rows, uniqExact(id) AS ids, min(id) AS least, max(id) AS most, sum(id) AS sum FROM ${dataset}`,
    )
  )[0];

/** What `rowsOf` says of all whole numbers below a number. */
const allBelow = (count: number) => ({
  ...{ rows: String(count), ids: String(count), least: '0', most: String(count - 1) },
  sum: String((count * (count - 1)) / 2),
});

describe('a file of Parquet that is more than one piece lands whole', () => {
  /** A piece has at most 250,000 rows; see src/datasets/records/cut.ts. */
  const ROWS = [600_001, 250_001];

  const manifest = (name: string, source: string): string => `
version: penstock/v1
name: ${name}
source: ${source}
format: { type: parquet }
columns: [{ name: id, type: UInt64 }, { name: amount, type: 'Decimal(18, 2)' }]
target: { mode: append, key: [id], orderBy: [id] }
`;

  /** Files with the numbers from 0 on, one behind the other. */
  async function parquetFiles(rows: readonly number[]): Promise<{ name: string; bytes: Buffer }[]> {
    await mkdir(join(folder, 'made'), { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const files = [];
    let from = 0;
    for (const [index, count] of rows.entries()) {
      const path = join(folder, 'made', `${index}.parquet`);
      await connection.run(
        `COPY (SELECT id, CAST(id * 0.25 AS DECIMAL(18, 2)) AS amount FROM range(${from}, ${from + count}) numbers(id))
         TO '${path}' (FORMAT parquet)`,
      );
      files.push({ name: `big/${index}.parquet`, bytes: await readFile(path) });
      from += count;
    }
    connection.closeSync();
    instance.closeSync();
    return files;
  }

  it.each(['files', 'objects'])('from %s', async (type) => {
    const dataset = `big_${type}`;
    const files = await parquetFiles(ROWS);
    if (type === 'files') await putFiles(folder, files);
    else await putObjects('big-exports', files);
    const source =
      type === 'files'
        ? `{ type: files, folder: ${folder}, match: ['big/*.parquet'] }`
        : `{ type: objects, bucket: big-exports, match: ['big/*.parquet'] }`;
    await applyManifests({ [dataset]: manifest(dataset, source) });
    const all = ROWS.reduce((sum, count) => sum + count, 0);
    expect(await runDataset(dataset)).toMatchObject({
      run: { status: 'published', read: all, loaded: all, quarantined: 0, duplicates: 0 },
    });
    expect(await rowsOf(dataset)).toEqual(allBelow(all));
    // The row of a number is where the file has it.
    expect(
      await landed(
        `SELECT _source LIKE '%big/1.parquet' AS second, max(_line) AS last, max(amount) AS most FROM ${dataset} GROUP BY second ORDER BY second`,
      ),
    ).toEqual(
      ROWS.map((count, file) => ({
        ...{ second: file, last: String(count) },
        most: (Math.round(100 * 0.25 * (file === 0 ? count - 1 : all - 1)) / 100).toFixed(2),
      })),
    );
  });
});

it('five hundred columns land: no statement is longer than servers take', async () => {
  const dataset = 'wide_rows';
  const names = Array.from({ length: 499 }, (_, index) => `measured_value_${index}`);
  const rows = Array.from({ length: 3 }, (_, id) => [id, ...names.map((_, index) => id * index)]);
  const text = [['id', ...names], ...rows].map((row) => `${row.join(',')}\n`).join('');
  await putFiles(folder, [{ name: 'wide/1.csv', bytes: Buffer.from(text) }]);
  const columns = names.map((name) => `  - { name: ${name}, type: Int64 }`).join('\n');
  await applyManifests({
    [dataset]: `
version: penstock/v1
name: ${dataset}
source: { type: files, folder: ${folder}, match: ['wide/*.csv'] }
format: { type: csv }
columns:
  - { name: id, type: UInt64 }
${columns}
target: { mode: append, key: [id], orderBy: [id] }
`,
  });
  expect(await runDataset(dataset)).toMatchObject({ failure: null, run: { status: 'published', read: 3, loaded: 3 } });
  const found = await landed(`SELECT id, ${names.join(', ')} FROM ${dataset} ORDER BY id`);
  expect(found.map((row) => Object.values(row).map(Number))).toEqual(rows);
});

describe('an input that was replaced since it was listed', () => {
  const V1 = Buffer.from('id\n0\n1\n');
  const V2 = Buffer.from('id\n5\n6\n7\n');

  const manifest = (name: string, source: string): string => `
version: penstock/v1
name: ${name}
source: ${source}
format: { type: csv }
columns: [{ name: id, type: UInt64 }]
target: { mode: replace, orderBy: [id] }
`;

  it.each([
    ['files', /latest\.csv is not what it was when it was listed/],
    ['objects', /gs:\/\/replaced-exports\/now\/latest\.csv: there is no such object or generation/],
  ])('of %s fails its run at once, with its name, and the next takes it', async (type, why) => {
    const dataset = `replaced_${type}`;
    const put = (bytes: Buffer): Promise<unknown> => {
      const files = [{ name: 'now/latest.csv', bytes }];
      return type === 'files' ? putFiles(folder, files) : putObjects('replaced-exports', files);
    };
    await put(V1);
    const match = "select: all, match: ['now/*.csv']";
    const source =
      type === 'files'
        ? `{ type: files, folder: ${folder}, ${match} }`
        : `{ type: objects, bucket: replaced-exports, ${match} }`;
    await applyManifests({ [dataset]: manifest(dataset, source) });
    const first = await runDataset(dataset);
    await put(V2);
    // A replay reads what was listed then.
    const again = await penstock('dataset', 'replay', dataset, first.run?.run ?? '');
    expect(again.code).toBe(1);
    expect((again.report as RunReport).failure).toMatch(why);
    expect(await rowsOf(dataset)).toEqual(allBelow(2));
    expect(await runDataset(dataset)).toMatchObject({ run: { status: 'published', loaded: 3 } });
    expect(await landed(`SELECT id FROM ${dataset} ORDER BY id`)).toEqual(['5', '6', '7'].map((id) => ({ id })));
  });

  it('is the same where it was only written again', async () => {
    const dataset = 'rewritten_files';
    await putFiles(folder, [{ name: 'same/latest.csv', bytes: V1 }]);
    const source = `{ type: files, folder: ${folder}, match: ['same/*.csv'] }`;
    await applyManifests({ [dataset]: manifest(dataset, source) });
    const first = await runDataset(dataset);
    await putFiles(folder, [{ name: 'same/latest.csv', bytes: V1 }]);
    const again = await penstock('dataset', 'replay', dataset, first.run?.run ?? '');
    expect(again.report).toMatchObject({ status: 'done', run: { status: 'published', loaded: 2 } });
  });
});

it('a plan that is made again forgets what the one before was going to read: nobody has read it', async () => {
  const dataset = 'planned_twice';
  const file = (name: string) => ({ name: `planned/${name}.csv`, bytes: Buffer.from(`id\n${name}\n`) });
  await putFiles(folder, [file('1'), file('2')]);
  await applyManifests({
    [dataset]: `
version: penstock/v1
name: ${dataset}
source: { type: files, folder: ${folder}, match: ['planned/*.csv'] }
format: { type: csv }
columns: [{ name: id, type: UInt64 }]
target: { mode: append, key: [id], orderBy: [id] }
`,
  });
  const { clickhouse } = await endpointsNow();
  const log = createLogger('test', 'silent');
  const warehouse = connectWarehouse(
    { url: clickhouse, username: 'default', password: '', database: 'penstock' },
    { retentionDays: 1, log },
  );
  const run = {
    ...{ dataset, number: '1', workflowId: `dataset/${dataset}/hand/1`, runId: 'planned-twice', trigger: 'hand' },
    ...{ logicalDate: '2026-01-01T00:00:00.000Z', startedAt: new Date().toISOString() },
  } satisfies DatasetRun;
  const planned = async (): Promise<unknown> => {
    const lister = createObjectLister({ endpoint: undefined, projectId: undefined });
    await planRun(
      { warehouse, log, lister, program: 'test' },
      run,
      { dataset, trigger: 'hand' },
      AbortSignal.timeout(30_000),
    );
    return landed(`SELECT source FROM dataset_inputs WHERE dataset = '${dataset}' AND number = 1 ORDER BY input`);
  };
  try {
    expect(await planned()).toEqual([{ source: 'planned/1.csv' }, { source: 'planned/2.csv' }]);
    await rm(join(folder, 'planned', '1.csv'));
    expect(await planned()).toEqual([{ source: 'planned/2.csv' }]);
  } finally {
    await warehouse.close();
  }
});

describe('a span of time that a schedule makes up for', () => {
  const dataset = 'made_up_for';
  const asked: string[] = [];
  let api: Server;

  beforeAll(async () => {
    api = createServer((request, response) => {
      const until = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('until') ?? '';
      asked.push(until);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify([{ id: Date.parse(until) / 1_000 }]));
    });
    await new Promise<void>((listening) => api.listen(0, '127.0.0.1', listening));
    await applyManifests({
      [dataset]: `
version: penstock/v1
name: ${dataset}
source: { type: http, url: 'http://127.0.0.1:${(api.address() as AddressInfo).port}/rows?until={{until}}' }
format: { type: json }
columns: [{ name: id, type: UInt64 }]
target: { mode: append, key: [id], orderBy: [id] }
schedule: { cron: '*/15 * * * *', paused: true }
`,
    });
  });
  afterAll(async () => {
    await ensureDatasetSchedule(temporal.client, dataset, undefined);
    api.closeAllConnections();
    api.close();
  });

  it('has one run for each moment that was due, which asks for that moment', async () => {
    const { code } = await penstock(
      'dataset',
      'backfill',
      dataset,
      '--from',
      '2026-03-29T00:00:00Z',
      '--to',
      '2026-03-29T01:00:00Z',
    );
    expect(code).toBe(0);
    const due = ['00:00', '00:15', '00:30', '00:45', '01:00'].map((time) => `2026-03-29T${time}:00.000Z`);
    const runs = await eventually(
      () =>
        landed(
          `SELECT logical_date, until, toString(status) AS status, workflow_id FROM dataset_runs WHERE dataset = '${dataset}' ORDER BY number`,
        ),
      (found) => found.length >= due.length && found.every(({ status }) => status !== 'running'),
      90_000,
    );
    expect(runs).toEqual(
      due.map((at) => ({
        ...{ logical_date: at, until: at, status: 'published' },
        workflow_id: `dataset/${dataset}-${at.replace('.000Z', 'Z')}`,
      })),
    );
    expect(asked).toEqual(due);
    expect(await landed(`SELECT id FROM ${dataset} ORDER BY id`)).toEqual(
      due.map((at) => ({ id: String(Date.parse(at) / 1_000) })),
    );
    // It is paused: nothing else ran.
    const { info } = await temporal.client.schedule.getHandle(`dataset/${dataset}`).describe();
    expect(info.numActionsTaken).toBe(due.length);
  });
});
