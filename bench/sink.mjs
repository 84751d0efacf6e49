import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../dist/config/index.js';
import { IMAGE_RESULTS_TOPIC } from '../dist/domain/index.js';
import { roleEnvironment } from '../dist/embedded/index.js';
import { createProducer } from '../dist/stream/index.js';
import { createWarehouse, IMAGE_RESULTS, imageResultRow } from '../dist/warehouse/index.js';
import { countRows, log, median, withFolder, withStack } from './measure.mjs';

const ROWS = 300_000;
const BLOCK_ROWS = 50_000;
const SETTINGS = { PENSTOCK_LOG_LEVEL: 'warn', PENSTOCK_SINK_MAX_ROWS: String(BLOCK_ROWS) };

/**
 * Results in Kafka to rows in ClickHouse by the sink, against two others on the same rows: bare inserts of blocks that are
 * ready, with nothing to read or to check; and ClickHouse's own Kafka table engine with a materialized view. The three
 * alternate, each into an empty table of the same definition.
 */
export async function sink({ repeats, say }) {
  const runs = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const run = await withFolder((dataDir) =>
      withStack({ dataDir, roles: [{ role: 'sink' }], environment: SETTINGS }, measure),
    );
    say(
      `sink ${Math.round(run.sink)}, bare insert ${Math.round(run.bare)}, Kafka engine ${Math.round(run.engine)} rows/s`,
    );
    runs.push(run);
  }
  const result = (name, baseline, note) => ({
    ...{ name, unit: 'rows/s', value: median(runs.map((run) => run.sink)) },
    baseline: median(runs.map((run) => run[baseline])),
    ratio: median(runs.map((run) => run.sink / run[baseline])),
    ...{ repeats, note },
  });
  return [
    result(
      'sink.insert',
      'bare',
      `${ROWS} results of 4 boxes, against bare inserts of ${BLOCK_ROWS} rows that are ready`,
    ),
    result('sink.kafkaEngine', 'engine', `the same, against ClickHouse's Kafka table engine and a materialized view`),
  ];
}

async function measure(stack) {
  const endpoints = stack.endpoints();
  for (const server of ['temporal', 'gcs']) await stack.takeDown(server);
  await stack.takeDown('sink');
  const results = Array.from({ length: ROWS }, (_, index) => resultOf(index));
  await produce(endpoints, results);
  const bare = await bareInsert(endpoints, results);
  await statement(endpoints, 'TRUNCATE TABLE penstock.image_results');
  const engine = await kafkaEngine(endpoints);
  await statement(endpoints, 'TRUNCATE TABLE penstock.image_results');
  await stack.bringBack('sink');
  const bySink = await rowsPerSecond(endpoints);
  return { bare, engine, sink: bySink };
}

function resultOf(index) {
  const uploadedAtMs = Date.now() - 60_000;
  const box = (at) => ({ class: 'disc', score: 0.875, xMin: at, yMin: at + 1.5, xMax: at + 40.25, yMax: at + 33 });
  return {
    ...{
      v: 1,
      bucket: 'uploads',
      object: `bench/2026/11/${index}.jpg`,
      generation: String(1_700_000_000_000_000 + index),
    },
    ...{ model: 'noop@000000000000', status: 'detected', width: 1280, height: 720 },
    detections: [1, 2, 3, 4].map((at) => box(at * 11.125 + (index % 500))),
    ...{ uploadedAtMs, receivedAtMs: uploadedAtMs + 20, detectedAtMs: uploadedAtMs + 900, attempts: 1 },
    ...{ workflowId: `detect/penstock.image-events.bulk/3/${index - (index % 256)}-0123abcd`, runId: 'bench' },
  };
}

async function produce(endpoints, results) {
  const producer = await createProducer({ config: loadConfig(roleEnvironment(endpoints)), log });
  for (let from = 0; from < results.length; from += 2_000) {
    const some = results.slice(from, from + 2_000);
    await producer.send(
      IMAGE_RESULTS_TOPIC,
      some.map((result) => ({ key: `${result.bucket}/${result.object}`, value: JSON.stringify(result) })),
    );
  }
  await producer.close();
}

async function bareInsert(endpoints, results) {
  const warehouse = createWarehouse(loadConfig(roleEnvironment(endpoints)), log);
  const rows = results.map(imageResultRow);
  const startedAt = performance.now();
  for (let from = 0; from < rows.length; from += BLOCK_ROWS)
    await warehouse.insert({ ...IMAGE_RESULTS, rows: rows.slice(from, from + BLOCK_ROWS), timeoutMs: 60_000 });
  const rate = (rows.length / (performance.now() - startedAt)) * 1000;
  await warehouse.close();
  return rate;
}

async function kafkaEngine(endpoints) {
  await statement(
    endpoints,
    `CREATE TABLE penstock.bench_queue
     (bucket String, object String, generation String, model String, status String, width UInt32, height UInt32,
      detections Array(Tuple(class String, score Float32, xMin Float32, yMin Float32, xMax Float32, yMax Float32)),
      uploadedAtMs Int64, receivedAtMs Int64, detectedAtMs Int64, attempts UInt32, workflowId String, runId String)
     ENGINE = Kafka SETTINGS kafka_broker_list = '${endpoints.kafka}', kafka_topic_list = '${IMAGE_RESULTS_TOPIC}',
       kafka_group_name = 'bench-engine', kafka_format = 'JSONEachRow', kafka_max_block_size = ${BLOCK_ROWS},
       kafka_flush_interval_ms = 1000, input_format_skip_unknown_fields = 1`,
  );
  await statement(
    endpoints,
    `CREATE MATERIALIZED VIEW penstock.bench_view TO penstock.image_results AS
     SELECT bucket, object, toUInt64(generation) AS generation, model, status, width, height,
       detections.class AS \`boxes.class\`, detections.score AS \`boxes.score\`,
       detections.xMin AS \`boxes.x_min\`, detections.yMin AS \`boxes.y_min\`,
       detections.xMax AS \`boxes.x_max\`, detections.yMax AS \`boxes.y_max\`,
       fromUnixTimestamp64Milli(uploadedAtMs, 'UTC') AS uploaded_at,
       fromUnixTimestamp64Milli(receivedAtMs, 'UTC') AS received_at,
       fromUnixTimestamp64Milli(detectedAtMs, 'UTC') AS detected_at,
       attempts, workflowId AS workflow_id, runId AS run_id
     FROM penstock.bench_queue`,
  );
  try {
    return await rowsPerSecond(endpoints);
  } finally {
    await statement(endpoints, 'DROP TABLE penstock.bench_view SYNC');
    await statement(endpoints, 'DROP TABLE penstock.bench_queue SYNC');
  }
}

/** From the first block that shows to the last: both begin with an empty table, and joining a group is not inserting. */
async function rowsPerSecond(endpoints) {
  let first;
  let moved = performance.now();
  for (let before = 0; ;) {
    const rows = await countRows(endpoints);
    const at = performance.now();
    if (first === undefined && rows > 0) first = { rows, at };
    if (first !== undefined && rows >= ROWS) return ((rows - first.rows) / (at - first.at)) * 1000;
    if (rows !== before) moved = at;
    else if (at - moved > 60_000) throw new Error(`nothing is stored any more: ${rows} of ${ROWS}`);
    before = rows;
    await sleep(25);
  }
}

async function statement({ clickhouse }, sql) {
  const response = await fetch(`${clickhouse}/`, { method: 'POST', body: sql });
  if (!response.ok) throw new Error(await response.text());
}
