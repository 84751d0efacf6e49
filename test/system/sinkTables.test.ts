import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';

const WITHIN_MS = 90_000;
const id = randomUUID().slice(0, 8);
const orders = `orders-${id}`;
const later = `later-${id}`;
const ordersTable = `orders_${id}`;
const laterTable = `later_${id}`;
/** More days than an insert may touch partitions; a prime, so that each partition of the topic has all of them. */
const DAYS = 149;

let folder: string;
let admin: kafkajs.Admin;
let producer: StreamProducer;
let sink: RoleProcess | undefined;

beforeAll(async () => {
  const endpoints = await endpointsNow();
  folder = await mkdtemp(join(tmpdir(), 'penstock-sink-tables-'));
  admin = new kafkajs.Kafka({ brokers: [endpoints.kafka], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const config = loadConfig(roleEnvironment(endpoints));
  producer = await createProducer({ config, log: createLogger('test', 'silent') });
  await command(
    `CREATE TABLE ${ordersTable} (id UInt64, at DateTime64(3, 'UTC'), amount Decimal(18, 4), note String DEFAULT 'none',
       _topic String, _partition UInt32, _offset UInt64)
     ENGINE = ReplacingMergeTree ORDER BY id PARTITION BY toDate(at)`,
  );
  await command(`CREATE TABLE ${laterTable} (id UInt64) ENGINE = ReplacingMergeTree ORDER BY id`);
  await writeFile(
    join(folder, 'sink.json'),
    JSON.stringify({
      version: 1,
      tables: [
        { topic: orders, table: ordersTable, columns: ['id', 'at', 'amount', 'note'], position: true },
        { topic: later, table: laterTable, columns: ['id'], unknownFields: 'skip', maxRows: 10, everyMs: 100 },
      ],
    }),
  );
});
afterAll(async () => {
  await sink?.stop();
  await producer.close();
  for (const table of [ordersTable, laterTable]) await command(`DROP TABLE IF EXISTS ${table}`);
  await admin.deleteTopics({ topics: [orders, later] }).catch(() => undefined);
  await admin.disconnect();
  await rm(folder, { recursive: true });
});

async function command(sql: string): Promise<void> {
  const { clickhouse } = await endpointsNow();
  const response = await fetch(`${clickhouse}/?database=penstock`, { method: 'POST', body: sql });
  if (!response.ok) throw new Error(await response.text());
}

const startSink = (): Promise<RoleProcess> =>
  startRole('sink', { PENSTOCK_SINK_TABLES_FILE: join(folder, 'sink.json') }, { mayWait: true });
const send = (topic: string, values: readonly string[]): Promise<void> =>
  producer.send(
    topic,
    values.map((value) => ({ value })),
  );
const make = (topic: string): Promise<boolean> =>
  admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] });

function order(n: number, fields: Record<string, unknown> = {}): string {
  const at = new Date(Date.UTC(2026, 0, 1) + (n % DAYS) * 86_400_000).toISOString();
  return JSON.stringify({ id: n, at, amount: 1.25, ...fields });
}

const rowsOf = (table: string): Promise<{ rows: number; ids: number }[]> =>
  select(`SELECT count() AS rows, uniqExact(id) AS ids FROM ${table} FINAL`);
const letters = (): Promise<{ reason: string; detail: string }[]> =>
  select(`SELECT reason, detail FROM dead_letters WHERE startsWith(origin, '${orders}/') ORDER BY reason, detail`);

it('topics of others go into their tables; a row that ClickHouse refuses is a dead letter with its message', async () => {
  await make(orders);
  const wrong = [
    order(90_001, { amount: 'a lot' }),
    order(90_002, { nobody: 'knows this field' }),
    '{"id": 90003, "at":',
    '[90004]',
  ];
  const exact = `{"id": 1152921504606846977, "at": "2026-01-01 00:00:00",\n "amount": 12345678901234.5678, "note": "ü"}`;
  const good = Array.from({ length: 600 }, (_, n) => order(n));
  await send(orders, [...good.slice(0, 300), ...wrong, exact, ...good.slice(300)]);
  sink = await startSink();

  await eventually(
    () => rowsOf(ordersTable),
    ([counts]) => counts?.rows === 601,
    WITHIN_MS,
  );
  const refused = await eventually(letters, ({ length }) => length === 4, WITHIN_MS);
  expect(refused.map(({ reason }) => reason)).toEqual([
    ...['INVALID_RECORD', 'INVALID_RECORD', 'ROW_REFUSED', 'ROW_REFUSED'],
  ]);
  expect(refused.map(({ detail }) => detail).filter((detail) => detail.startsWith('Code: '))).toHaveLength(2);
  expect(refused.some(({ detail }) => detail.includes('nobody'))).toBe(true);
  const [row] = await select<object>(
    `SELECT toString(id) AS id_text, toString(amount) AS amount_text, note, _topic FROM ${ordersTable} FINAL
     WHERE id > 1000000`,
  );
  expect(row).toEqual({
    id_text: '1152921504606846977',
    amount_text: '12345678901234.5678',
    note: 'ü',
    _topic: orders,
  });
  const [positions] = await select<{ positions: number; notes: number }>(
    `SELECT uniqExact(_partition, _offset) AS positions, countIf(note = 'none') AS notes FROM ${ordersTable} FINAL`,
  );
  expect(positions).toEqual({ positions: 601, notes: 600 });
});

it('a topic that is not there yet keeps no other waiting, and a new sink goes on where the last one was', async () => {
  const waits = await (await fetch(`${sink?.address ?? ''}/readyz`)).text();
  expect(waits).toContain(later);
  expect(waits).not.toContain(orders);
  await sink?.stop();
  // All of these rows are good, and their block touches too many partitions of the table: half of it does not.
  await send(
    orders,
    Array.from({ length: 600 }, (_, n) => order(1_000 + n)),
  );
  await make(later);
  await send(
    later,
    Array.from({ length: 25 }, (_, n) => JSON.stringify({ id: n, more: 'than the table has' })),
  );
  sink = await startSink();
  for (const [table, count] of [
    [ordersTable, 1_201],
    [laterTable, 25],
  ] as const)
    await eventually(
      () => rowsOf(table),
      ([counts]) => counts?.rows === count,
      WITHIN_MS,
    );
  // The broker has it read the first records no second time.
  const metrics = await (await fetch(`${sink.address}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`^penstock_sink_rows_total\\{table="${ordersTable}",.*\\} 600$`, 'm'));
  await eventually(
    async () => (await fetch(`${sink?.address ?? ''}/readyz`)).status,
    (status) => status === 200,
    WITHIN_MS,
  );
});
