import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@clickhouse/client';
import { Readable } from 'node:stream';
import { median, withFolder } from './measure.mjs';

const SERVER = fileURLToPath(new URL('../dist/embedded/clickhouse/server.js', import.meta.url));
const RECORDS = 200_000;
const BLOCKS = [1_000, 10_000, 50_000, 100_000];
const COLUMNS = ['id', 'at', 'customer', 'amount', 'items', 'note'];
/** Clock ticks of /proc a second. */
const TICKS = 100;

/**
 * From the bytes of records (JSON objects) to rows, one insert after the other, by format and block size: each as its
 * writer must do it. JSONEachRow sends the text as it came and parses it only to know that it is one object.
 */
const FORMATS = {
  JSONEachRow: (records) => {
    const texts = records.map((record) => record.toString('utf8'));
    for (const text of texts) JSON.parse(text);
    return Buffer.from(texts.join('\n'));
  },
  JSONCompactEachRow: (records) =>
    Buffer.from(
      records
        .map((record) => {
          const { id, at, customer, amount, items, note } = JSON.parse(record.toString('utf8'));
          return JSON.stringify([id, at, customer, amount, items, note]);
        })
        .join('\n'),
    ),
  RowBinary: (records) => {
    const parts = [];
    for (const record of records) {
      const { id, at, customer, amount, items, note } = JSON.parse(record.toString('utf8'));
      const fixed = Buffer.allocUnsafe(16);
      fixed.writeBigUInt64LE(BigInt(id), 0);
      fixed.writeBigInt64LE(BigInt(at), 8);
      const rest = Buffer.allocUnsafe(10);
      rest.writeDoubleLE(amount, 0);
      rest.writeUInt16LE(items, 8);
      parts.push(fixed, ...text(customer), rest, ...text(note));
    }
    return Buffer.concat(parts);
  },
};

/** A string of fewer than 128 bytes. */
function text(value) {
  const bytes = Buffer.from(value);
  return [Buffer.from([bytes.length]), bytes];
}

/**
 * Rows a second and CPU by format and block size. The value counts CPU alone, of sink and server together, which others on
 * the machine disturb little: JSONEachRow at 50,000 rows; the baseline is the best other format there.
 */
export async function sinkFormats({ repeats, say }) {
  const records = Array.from({ length: RECORDS }, (_, id) =>
    Buffer.from(
      JSON.stringify({
        ...{ id, at: 1_767_225_600_000 + id, customer: `customer-${id % 5_000}`, amount: (id % 9_973) / 100 },
        ...{ items: id % 40, note: `an order that somebody wrote a few words about, number ${id}` },
      }),
    ),
  );
  return withFolder(async (folder) => {
    const child = spawn(process.execPath, [SERVER, '--path', join(folder, 'data'), '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = await once(createInterface({ input: child.stdout }), 'line');
      const client = createClient({ url: `http://127.0.0.1:${JSON.parse(line).port}` });
      const rates = {};
      for (const block of BLOCKS)
        for (const format of Object.keys(FORMATS)) {
          const runs = [];
          for (let run = 0; run < repeats; run += 1)
            runs.push(await measure(client, child.pid, format, block, records));
          const of = (name) => median(runs.map((one) => one[name]));
          if (block === 50_000) rates[format] = of('perCpuSecond');
          say(
            `${format.padEnd(19)} ${String(block).padStart(7)} rows: ${Math.round(of('rate'))} rows/s; ` +
              `CPU s per million rows: sink ${of('sink').toFixed(2)}, ClickHouse ${of('server').toFixed(2)}`,
          );
        }
      await client.close();
      const { JSONEachRow: value, ...others } = rates;
      const baseline = Math.max(...Object.values(others));
      const note = `JSONEachRow as records come, blocks of 50,000, embedded ClickHouse; baseline is the best other format`;
      return { name: 'sink.formats', unit: 'rows/CPU s', value, baseline, ratio: value / baseline, repeats, note };
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
}

async function measure(client, pid, format, block, records) {
  await client.command({ query: 'DROP TABLE IF EXISTS orders' });
  await client.command({
    query: `CREATE TABLE orders (id UInt64, at DateTime64(3), customer String, amount Float64, items UInt16, note String)
      ENGINE = ReplacingMergeTree ORDER BY id`,
  });
  const before = { cpu: process.cpuUsage(), server: await cpuOf(pid), at: performance.now() };
  for (let from = 0; from < records.length; from += block) {
    const { stream } = await client.exec({
      query: `INSERT INTO orders (${COLUMNS.join(', ')}) FORMAT ${format}`,
      values: Readable.from([FORMATS[format](records.slice(from, from + block))], { objectMode: false }),
      clickhouse_settings: { wait_end_of_query: 1, async_insert: 0 },
    });
    for await (const chunk of stream) void chunk;
  }
  const seconds = (performance.now() - before.at) / 1000;
  const { user, system } = process.cpuUsage(before.cpu);
  const server = (await cpuOf(pid)) - before.server;
  const answer = await client.query({ query: 'SELECT count() AS n FROM orders', format: 'JSONEachRow' });
  const [{ n }] = await answer.json();
  if (Number(n) !== records.length) throw new Error(`${format}: ${n} rows of ${records.length}`);
  const sink = (user + system) / 1e6;
  const perMillion = 1_000_000 / records.length;
  return {
    rate: records.length / seconds,
    sink: sink * perMillion,
    server: server * perMillion,
    perCpuSecond: records.length / (sink + server),
  };
}

/** Seconds of CPU that a process has used. */
async function cpuOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
