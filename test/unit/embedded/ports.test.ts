import { writeFile, appendFile, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { endpointsPath, readEndpoints, roleEnvironment, type Endpoints } from '../../../src/embedded/index.js';
import { boundLog, lastLines } from '../../../src/embedded/files.js';
import { freePort, openPorts } from '../../../src/embedded/ports.js';
import { loadConfig } from '../../../src/config/index.js';
import { temporaryFolder } from './rig.js';

async function occupy(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
}

test('the ports of the last run of a data directory are used again, and another where one is in use by now', async () => {
  const folder = await temporaryFolder();
  const first = await openPorts(folder);
  const kafka = await first.take('kafka');
  const gcs = await first.take('gcs');
  await first.save();
  await occupy(gcs);
  const second = await openPorts(folder);
  expect(await second.take('kafka')).toBe(kafka);
  expect(await second.take('gcs')).not.toBe(gcs);
});

test('a port that another program took in between is given up', async () => {
  const ports = await openPorts(await temporaryFolder());
  const port = await ports.take('kafka');
  expect(await ports.lost(['kafka'])).toBe(false);
  await occupy(port);
  expect(await ports.lost(['kafka'])).toBe(true);
  expect(await ports.take('kafka')).not.toBe(port);
});

test('above a base the ports are fixed, and one in use is a sentence', async () => {
  const base = await freePort();
  const ports = await openPorts(await temporaryFolder(), base);
  await occupy(base + 6);
  expect(await ports.take('intake')).toBe(base);
  expect(await ports.take('clickhouse')).toBe(base + 7);
  expect(await ports.take('detector-2')).toBe(base + 20);
  await expect(ports.take('gcs')).rejects.toThrow(`The port ${base + 6} for gcs`);
});

test('free ports lie below those that outgoing connections take', async () => {
  expect(await freePort()).toBeLessThan(32_768);
});

const endpoints: Endpoints = {
  temporal: '127.0.0.1:1',
  kafka: '127.0.0.1:2',
  gcs: 'http://127.0.0.1:3',
  clickhouse: 'http://127.0.0.1:4',
  bucket: 'uploads',
  metrics: {},
  pids: {},
  supervisor: process.pid,
};

test('endpoints are read while the stack runs; without one there is a sentence that says how to start it', async () => {
  const folder = await temporaryFolder();
  await expect(readEndpoints(folder)).rejects.toThrow(/^No stack runs on .* penstock up --data-dir/);
  await writeFile(endpointsPath(folder), JSON.stringify(endpoints));
  expect(await readEndpoints(folder)).toEqual(endpoints);
  await writeFile(endpointsPath(folder), JSON.stringify({ ...endpoints, supervisor: 2 ** 22 + 1 }));
  await expect(readEndpoints(folder)).rejects.toThrow(/^No stack runs/);
});

test('the environment of a stack is a configuration that roles accept', () => {
  expect(loadConfig(roleEnvironment(endpoints))).toMatchObject({
    PENSTOCK_KAFKA_BROKERS: ['127.0.0.1:2'],
    PENSTOCK_GCS_ENDPOINT: 'http://127.0.0.1:3',
    PENSTOCK_CLICKHOUSE_URL: 'http://127.0.0.1:4',
  });
});

test('a log that grew too long is cut, its last content is kept once, and its writer goes on', async () => {
  const path = join(await temporaryFolder(), 'role.log');
  await appendFile(path, 'one\ntwo\nthree\n');
  expect(await lastLines(path, 2)).toBe('two\nthree');
  await boundLog(path, 100);
  expect(await readFile(path, 'utf8')).toBe('one\ntwo\nthree\n');
  await boundLog(path, 10);
  await appendFile(path, 'four\n');
  expect(await readFile(path, 'utf8')).toBe('four\n');
  expect(await readFile(`${path}.1`, 'utf8')).toBe('one\ntwo\nthree\n');
});
