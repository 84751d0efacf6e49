import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { DemoResult } from '../../src/cli/demo/result.js';
import type { StatusReport } from '../../src/operations/index.js';
import { readEndpoints, roleEnvironment } from '../../src/embedded/index.js';
import { forEachBounded } from './pipeline.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const COUNT = 40;
/** What a person may have set for a Temporal and a ClickHouse of theirs; the demo has its own. */
const SHELL = {
  TEMPORAL_PROFILE: 'cloud',
  TEMPORAL_API_KEY: 'key',
  TEMPORAL_TLS: 'true',
  CLICKHOUSE_PASSWORD: 'secret',
};
const ROLES = ['intake', 'dispatcher', 'orchestrator', 'detector', 'sink'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-demo-test-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Temporary folders of the program go below `folder`, so that what it leaves behind is seen. */
function penstock(
  args: string[],
  whenSaid?: { text: string; signal: NodeJS.Signals },
  environment: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, ...environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (whenSaid && stderr.includes(whenSaid.text)) {
      child.kill(whenSaid.signal);
      whenSaid = undefined;
    }
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test('the demo accounts for every picture: none lost, none counted twice, the broken ones dead for their reasons', async () => {
  const report = join(folder, 'report');
  const args = ['demo', '--count', String(COUNT), '--json', '--report', report];
  const { code, stdout, stderr } = await penstock(args, undefined, SHELL);
  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout) as DemoResult;
  expect(result).toMatchObject({
    ok: true,
    images: { in: COUNT + 5, good: COUNT, broken: 5 },
    rows: COUNT + 5,
    detected: COUNT,
    dead: { NOT_AN_IMAGE: 2, CORRUPT_IMAGE: 1, UNSUPPORTED_FORMAT: 1, GONE: 1 },
    failed: {},
    lost: 0,
    twice: 0,
    strange: 0,
    hourly: { missing: 0, extra: 0, agrees: true },
    stalled: null,
    report: join(report, 'index.html'),
  });
  expect(result.events.repeated).toBe(5);
  expect(result.events.sent).toBe(COUNT + 5 + 5);
  expect(result.precision).toBeGreaterThan(0.8);
  expect(result.recall).toBeGreaterThan(0.7);
  expect(result.latencyMs?.p95).toBeGreaterThanOrEqual(result.latencyMs?.p50 ?? Infinity);

  const html = await readFile(join(report, 'index.html'), 'utf8');
  expect(html.match(/src="data:image\/jpeg;base64,/g)?.length).toBeGreaterThanOrEqual(10);
  expect(html).not.toMatch(/https?:\/\//);
  expect(await leftBehind()).toEqual([]);
});

test('the demo runs on what runs already, starts nothing there, and gives intake the token that it wants', async () => {
  const environment = {
    ...roleEnvironment(await readEndpoints(inject('dataDir'))),
    PENSTOCK_INTAKE_BEARER_TOKENS: 'token-of-the-demo-of-32-characters-or-more',
  };
  const intake = spawn(process.execPath, [PROGRAM, 'intake'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment, PENSTOCK_HTTP_HOST: '0.0.0.0', PENSTOCK_HTTP_PORT: '0' },
  });
  onTestFinished(() => new Promise((resolve) => (intake.once('exit', resolve), intake.kill())));
  const port = await listeningPort(intake.stdout);
  // Read on: a full pipe would hold it.
  intake.stdout.resume();
  const report = join(folder, 'report-of-running');
  const args = ['demo', '--intake', `http://127.0.0.1:${port}/`, '--count', '20', '--json', '--report', report];
  const { code, stdout, stderr } = await penstock(args, undefined, environment);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('Starting Kafka');
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    rows: 25,
    detected: 20,
    lost: 0,
    twice: 0,
    events: { retried: 0 },
  });
  expect(await leftBehind()).toEqual([]);
});

test('Ctrl-C while the stack starts ends the demo and leaves nothing behind', async () => {
  const { code, stderr } = await penstock(['demo', '--report', join(folder, 'none')], {
    text: 'Starting Kafka',
    signal: 'SIGINT',
  });
  expect(stderr).toContain('Stopping everything.');
  expect(code).toBe(130);
  expect(await leftBehind()).toEqual([]);
});

test('what was asked for wrongly is a sentence and exit code 2, for every verb and role, and nothing is started', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  const model = join(folder, 'model');
  await mkdir(model);
  await writeFile(
    join(model, 'model.yaml'),
    'name: mine\nlicense: MIT\nclasses: [a]\noutput: { decoder: none }\nsize: 1\n',
  );
  const refused: [string[], RegExp, NodeJS.ProcessEnv?][] = [
    [['demo', '--count', 'many'], /a whole number/],
    [['demo', '--images', join(folder, 'none')], /can not be read/],
    [['demo', '--colour'], /unknown option/],
    [['demo', '--intake', 'intake:8080'], /an address like/],
    [['demo', '--intake', 'http://127.0.0.1:1', '--keep'], /can.*not be used with/],
    [['demo', '--bucket', 'mine'], /--bucket is for --intake/],
    [['demo', '--model', model], /model\.yaml: .*size/],
    [['demo', '--data-dir', join(file, 'x')], /--data-dir .*: ENOTDIR/],
    [['demo'], /PENSTOCK_FOO: no such variable/, { PENSTOCK_FOO: '1' }],
    [['up'], /required option '--data-dir/],
    [['up', '--data-dir', join(folder, 'stack-of-model'), '--model', model], /model\.yaml: .*size/],
    [['up', '--data-dir', join(file, 'x')], /--data-dir .*: ENOTDIR/],
    [['up', '--data-dir', join(folder, 'stack')], /PENSTOCK_FOO: no such variable/, { PENSTOCK_FOO: '1' }],
    [['sink', '--colour'], /unknown option/],
    [['colour'], /unknown command/],
    ...ROLES.map((role): [string[], RegExp, NodeJS.ProcessEnv] => [
      [role],
      /PENSTOCK_FOO: no such variable/,
      { PENSTOCK_FOO: '1' },
    ]),
    [['intake'], /PENSTOCK_INTAKE_OIDC_AUDIENCE/, { PENSTOCK_HTTP_HOST: '0.0.0.0', PENSTOCK_HTTP_PORT: '0' }],
  ];
  await forEachBounded(refused, 4, async ([args, sentence, environment]) => {
    const { code, stderr } = await penstock(args, undefined, environment);
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
  expect(await leftBehind()).toEqual([]);
});

test('the model runtime reports to nobody', async () => {
  // Where it can't keep the identifier that it would report under, it complains. It is silent in CI by itself.
  const nowhere = { HOME: '/proc/none', XDG_CACHE_HOME: '/proc/none', CI: '', GITHUB_ACTIONS: '' };
  const args = ['model', 'check', 'shapes', '--out', join(folder, 'checked.jpg')];
  const { code, stderr } = await penstock(args, undefined, nowhere);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('telemetry');
});

test('status finds the stack by its data directory and says that all of it is healthy', async () => {
  const { code, stdout } = await penstock(['status', '--data-dir', inject('dataDir'), '--json']);
  const report = JSON.parse(stdout) as StatusReport;
  expect(report).toMatchObject({ healthy: true, servers: { kafka: { healthy: true }, gcs: { healthy: true } } });
  expect(Object.keys(report.roles ?? {}).sort()).toEqual([
    'console',
    'detector',
    'dispatcher',
    'ingester',
    'intake',
    'orchestrator',
    'sink',
  ]);
  expect(report.backlog?.flatMap(({ lane }) => lane ?? [])).toEqual(['bulk', 'express']);
  expect(report.batches?.breakers).toEqual([]);
  expect(report.batches?.open).toBeGreaterThanOrEqual(0);
  expect(code).toBe(0);
});

test('status of a folder without a stack is exit code 2', async () => {
  const { code, stderr } = await penstock(['status', '--data-dir', folder]);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('No stack runs on') as string });
});

/** Port that a role says it listens on, in a line of its log. */
async function listeningPort(lines: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: lines })) {
    const { msg, port } = JSON.parse(line) as { msg?: string; port?: number };
    if (msg === 'listening' && port !== undefined) return port;
  }
  throw new Error('the role ended before it listened');
}

async function leftBehind(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('penstock-'));
}
