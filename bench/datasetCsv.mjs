import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { cpuSeconds } from './cpu.mjs';
import { ordersManifest, ordersOutcome, uploadOrders } from './datasetOrders.mjs';
import { apply, DATASET_ROLES, drop, rowsOf, runToEnd, withDatasets } from './datasets.mjs';
import { median, withFolder, withStack } from './measure.mjs';

const ROWS = 4_000_000;
const SETTINGS = { PENSTOCK_LOG_LEVEL: 'warn' };

/**
 * A CSV file in the bucket to rows that readers see, by a whole run of a dataset with the checks that manifests have; and
 * by the bare engines without any: DuckDB reads the downloaded file with as many threads as there are cores and writes
 * Parquet, which is one insert into a plain table. Both are the same rows on the same servers; they take turns.
 */
export async function datasetCsv({ repeats, rows = ROWS, say }) {
  const pairs = [];
  await withFolder((dataDir) =>
    withStack({ dataDir, roles: DATASET_ROLES, environment: SETTINGS }, (stack) =>
      withDatasets(stack, async (opened) => {
        const datasets = { ...opened, rows };
        const object = await uploadOrders(datasets.endpoints, rows);
        for (let repeat = 0; repeat < repeats; repeat += 1) {
          const bare = await bareEngines(datasets, object, dataDir);
          const run = await wholeRun(datasets, `orders_${repeat}`);
          const ratio = run.rate / bare.rate;
          say(
            `run ${Math.round(run.rate)} rows/s (${run.cpu.toFixed(2)} CPU µs a row), bare ${Math.round(bare.rate)} (${bare.cpu.toFixed(2)}), ratio ${ratio.toFixed(3)}`,
          );
          pairs.push({
            value: run.rate,
            baseline: bare.rate,
            ratio,
            cpu: run.cpu,
            bareCpu: bare.cpu,
            bytes: object.bytes,
          });
        }
      }),
    ),
  );
  const middle = (key) => median(pairs.map((pair) => pair[key]));
  return {
    ...{ name: 'dataset.csv', unit: 'rows/s', value: middle('value'), baseline: middle('baseline') },
    ...{ ratio: middle('ratio'), repeats },
    note: `${rows} rows of 11 columns (${Math.round(middle('bytes') / 1e6)} MB) from the bucket to readers, cleaned, checked, deduplicated by key, everything on ${availableParallelism()} cores; against bare DuckDB and one insert, without a check; CPU µs a row ${middle('cpu').toFixed(2)}, bare ${middle('bareCpu').toFixed(2)}`,
  };
}

async function wholeRun(datasets, dataset) {
  const { bucket } = datasets.endpoints;
  await apply(datasets, [ordersManifest(dataset, `{ type: objects, bucket: ${bucket}, match: ['orders/*.csv'] }`)]);
  const measured = await timed(datasets.rows, () => runToEnd(datasets, dataset));
  const { counts } = measured.result;
  const expected = ordersOutcome(datasets.rows);
  for (const [name, count] of Object.entries(expected))
    if (counts[name] !== count) throw new Error(`${name}: ${counts[name]} of ${count}`);
  await check(datasets, dataset, expected.loaded);
  await drop(datasets, dataset);
  return measured;
}

const COLUMNS = {
  ...{ order_no: ['UBIGINT', 'UInt64'], customer: ['VARCHAR', 'String'], email: ['VARCHAR', 'Nullable(String)'] },
  ...{ country: ['VARCHAR', 'LowCardinality(String)'], currency: ['VARCHAR', 'LowCardinality(String)'] },
  ...{ amount: ['DECIMAL(18, 2)', 'Decimal(18, 2)'], quantity: ['UINTEGER', 'UInt32'], paid: ['BOOLEAN', 'Bool'] },
  ...{ ordered_at: ['TIMESTAMP', "DateTime('UTC')"], updated_at: ['TIMESTAMP', "DateTime64(3, 'UTC')"] },
  note: ['VARCHAR', 'Nullable(String)'],
};

async function bareEngines(datasets, { url }, dir) {
  const { warehouse } = datasets;
  const columns = Object.entries(COLUMNS);
  const definition = columns.map(([name, [, type]]) => `${name} ${type}`).join(', ');
  await warehouse.command('DROP TABLE IF EXISTS bare_orders SYNC');
  await warehouse.command(
    `CREATE TABLE bare_orders (${definition}) ENGINE = MergeTree PARTITION BY toYYYYMM(ordered_at) ORDER BY (country, ordered_at, order_no)`,
  );
  const measured = await timed(datasets.rows, async () => {
    const [csv, parquet] = [join(dir, 'bare.csv'), join(dir, 'bare.parquet')];
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the bucket answers ${answer.status}`);
    await pipeline(answer.body, createWriteStream(csv));
    const types = columns.map(([name, [type]]) => `${name}: '${type}'`).join(', ');
    const database = await DuckDBInstance.create(':memory:', { threads: String(availableParallelism()) });
    const connection = await database.connect();
    await connection.run(
      `COPY (SELECT * FROM read_csv('${csv}', header = true, columns = {${types}})) TO '${parquet}' (FORMAT parquet)`,
    );
    connection.closeSync();
    database.closeSync();
    await warehouse.insertFile({
      sql: `INSERT INTO bare_orders (${columns.map(([name]) => name).join(', ')})`,
      ...{ format: 'Parquet', path: parquet, timeoutMs: 600_000 },
    });
  });
  await check(datasets, 'bare_orders', datasets.rows);
  await warehouse.command('DROP TABLE bare_orders SYNC');
  return measured;
}

async function check(datasets, table, expected) {
  const rows = await rowsOf(datasets, table);
  if (rows !== expected) throw new Error(`${table} has ${rows} rows of ${expected}`);
}

/** Rows a second, and CPU microseconds a row of all processes together. */
async function timed(rows, work) {
  const [startedAt, usedBefore] = [performance.now(), cpuSeconds()];
  const result = await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { result, rate: rows / seconds, cpu: ((cpuSeconds() - usedBefore) / rows) * 1e6 };
}
