import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { endpointsPath, endpointsSchema, readEndpoints, type Endpoints } from '../../src/embedded/index.js';
import { identify } from '../../src/embedded/lock.js';
import type { StatusReport } from '../../src/operations/index.js';
import { packageRoot } from '../../src/embedded/files.js';

/** Set for other servers in a person's shell. TEMPORAL_ENV alone would end the dev server, the password shut the roles out. */
const SHELL = {
  TEMPORAL_ENV: 'cloud',
  TEMPORAL_PROFILE: 'cloud',
  TEMPORAL_API_KEY: 'key',
  TEMPORAL_TLS: 'true',
  CLICKHOUSE_USER: 'anna',
  CLICKHOUSE_PASSWORD: 'secret',
};

/** A stack of its own, servers only, as a person starts it: these tests kill it. They run in order and share it. */
let dataDir: string;
let up: RunningUp;

interface RunningUp {
  process: ChildProcess;
  endpoints: Endpoints;
  stderr: () => string;
  exitCode: Promise<number | null>;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'penstock-embedded-'));
  up = await startUp();
});

afterAll(async () => {
  up.process.kill('SIGTERM');
  await up.exitCode;
  await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
});

test('two stacks on one data directory: the second is refused with the pid of the first', async () => {
  const second = launch();
  expect(await second.exitCode).toBe(1);
  expect(second.stderr().trim()).toBe(`A stack runs on ${dataDir} already: its process is ${up.process.pid ?? 0}.`);
  expect(await readEndpoints(dataDir)).toEqual(up.endpoints);
});

test('what the shell has set for other servers reaches neither those of the stack nor the verbs that ask them', async () => {
  expect(await clickhouse('SELECT currentUser()')).toBe('default\n');
  const { stdout, exitCode } = launch(['status']);
  await exitCode;
  const { servers } = JSON.parse(stdout()) as StatusReport;
  expect(servers['temporal']).toEqual({ healthy: true, waits: {}, problem: null });
});

test('the namespace keeps closed workflows for seven days and knows the search attributes', async () => {
  await withTemporal(async (client) => {
    const { config } = await client.workflowService.describeNamespace({ namespace: 'default' });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(7 * 86_400);
    const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(Object.keys(customAttributes)).toEqual(
      expect.arrayContaining(['PenstockBucket', 'PenstockDataset', 'PenstockDead', 'PenstockImages', 'PenstockModel']),
    );
  });
});

test('a server that is killed comes back on its port, and the stack says so', async () => {
  for (const name of ['kafka', 'temporal', 'gcs', 'clickhouse']) {
    const before = pidOf(await readEndpoints(dataDir), name);
    process.kill(before, 'SIGKILL');
    await eventually(`${name} is back`, () => up.stderr().includes(`${name} is back`));
    const after = await readEndpoints(dataDir);
    expect(after.pids[name]).toBeGreaterThan(0);
    expect(after.pids[name]).not.toBe(before);
    expect({ ...after, pids: {} }).toEqual({ ...up.endpoints, pids: {} });
    expect(up.stderr()).toContain(`${name} died (SIGKILL); it starts again in 0.25 s`);
  }
  await withTemporal((client) => client.workflowService.getSystemInfo({}));
});

test('a stack that is killed with -9 leaves no process behind', async () => {
  await leaveTraces();
  const { pids } = await readEndpoints(dataDir);
  expect(Object.keys(pids).sort()).toEqual(['clickhouse', 'gcs', 'kafka', 'temporal']);
  up.process.kill('SIGKILL');
  await eventually('all servers are gone', () => Object.values(pids).every((pid) => identify(pid) === undefined));
  await expect(readEndpoints(dataDir)).rejects.toThrow('No stack runs on');
});

test('the same data directory brings back addresses, topics, buckets, workflows and tables', async () => {
  const before = up.endpoints;
  up = await startUp();
  expect({ ...up.endpoints, pids: {}, supervisor: 0 }).toEqual({ ...before, pids: {}, supervisor: 0 });
  await findTraces();
});

test('SIGTERM stops everything in order, with exit code 0', async () => {
  const { pids } = await readEndpoints(dataDir);
  up.process.kill('SIGTERM');
  expect(await up.exitCode).toBe(0);
  expect(Object.values(pids).filter((pid) => identify(pid) !== undefined)).toEqual([]);
  expect(existsSync(endpointsPath(dataDir))).toBe(false);
  expect(up.stderr()).not.toContain('died');
  up = await startUp();
  await findTraces();
});

test('a role that is killed comes back, and is found at the same address', async () => {
  const shared = inject('dataDir');
  const before = await readEndpoints(shared);
  process.kill(pidOf(before, 'sink'), 'SIGKILL');
  const after = await eventually('the sink is ready again', async () => {
    const now = await readEndpoints(shared);
    const metrics = now.metrics['sink'];
    if (metrics === undefined || now.pids['sink'] === before.pids['sink']) return undefined;
    const response = await fetch(metrics.replace('/metrics', '/readyz'));
    return response.ok ? now : undefined;
  });
  expect(after.metrics).toEqual(before.metrics);
});

/** Never 0: that would be this very process group. */
function pidOf(endpoints: Endpoints, name: string): number {
  const pid = endpoints.pids[name];
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
}

const TOPIC = 'embedded-test';
const BUCKET = 'embedded-test';
const WORKFLOW_ID = 'embedded-test';

async function leaveTraces(): Promise<void> {
  const kafka = kafkaClient();
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: 'kept', partition: 1 }] });
  await producer.disconnect();

  const json = { 'content-type': 'application/json' };
  const { gcs } = up.endpoints;
  await ok(fetch(`${gcs}/storage/v1/b?project=penstock`, post(JSON.stringify({ name: BUCKET }), json)));
  await ok(fetch(`${gcs}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=a%20b.txt`, post('kept')));

  await withTemporal((client) =>
    client.workflow.start('never', { taskQueue: 'embedded-test', workflowId: WORKFLOW_ID, args: ['kept'] }),
  );

  await clickhouse('CREATE TABLE embedded_test (text String) ENGINE = MergeTree ORDER BY text');
  await clickhouse("INSERT INTO embedded_test VALUES ('kept')");
}

async function findTraces(): Promise<void> {
  const admin = kafkaClient().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(TOPIC);
  await admin.disconnect();
  expect(offsets.map(({ partition, high }) => `${partition}:${high}`).sort()).toEqual(['0:0', '1:1']);

  const buckets = await ok(fetch(`${up.endpoints.gcs}/storage/v1/b?project=penstock`));
  expect(buckets).toContain('"uploads"');
  expect(await ok(fetch(`${up.endpoints.gcs}/storage/v1/b/${BUCKET}/o/a%20b.txt?alt=media`))).toBe('kept');

  await withTemporal(async (client) => {
    const { status } = await client.workflow.getHandle(WORKFLOW_ID).describe();
    expect(status.name).toBe('RUNNING');
  });
  expect(await clickhouse('SELECT text FROM embedded_test')).toBe('kept\n');
}

function kafkaClient(): Kafka {
  return new Kafka({ clientId: 'test', brokers: [up.endpoints.kafka], logLevel: logLevel.NOTHING });
}

function post(body: string, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body, headers };
}

async function ok(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  expect(response.ok, text).toBe(true);
  return text;
}

function clickhouse(statement: string): Promise<string> {
  return ok(fetch(up.endpoints.clickhouse, post(statement)));
}

async function withTemporal<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: up.endpoints.temporal });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

const UP = ['up', '--servers-only'];

function launch(verb: string[] = UP): Omit<RunningUp, 'endpoints'> & { stdout: () => string } {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, ...verb, '--data-dir', dataDir, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...SHELL },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { process: child, stdout: () => stdout, stderr: () => stderr, exitCode };
}

async function startUp(): Promise<RunningUp> {
  const launched = launch();
  const line = await eventually('the stack is up', () => {
    if (launched.process.exitCode !== null) throw new Error(`up ended: ${launched.stderr()}`);
    return launched.stdout().includes('\n') && launched.stdout();
  });
  return { ...launched, endpoints: endpointsSchema.parse(JSON.parse(line)) };
}

const LIMIT_MS = 90_000;

async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}`);
    await sleep(100);
  }
}
