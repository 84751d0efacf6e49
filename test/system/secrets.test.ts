import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { IMAGE_RESULTS_TOPIC, imageEventsTopic } from '../../src/domain/index.js';
import { roleEnvironment, startStack, type Stack } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger, createMetrics, LOG_FIELDS } from '../../src/telemetry/index.js';
import { endpointsNow, eventually, imageCounts, useStack } from './pipeline.js';
import { penstock } from './program.js';

/** In every secret of this test, and nowhere else. */
const MARK = 'hush';
let secrets = 0;
const secret = (): string => `${MARK}${String((secrets += 1)).padStart(4, '0')}abcdefghijklmnopqrstuvwxyz`;
const jwt = (): string =>
  ['{"alg":"none"}', `{"sub":"${secret()}"}`, secret()]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
const jwts: string[] = [];
const signedUrl = (): string =>
  `https://storage.googleapis.com/uploads/a.jpg?X-Goog-Credential=${secret()}&X-Goog-Signature=${secret()}`;

const SENDER = secret();
const KEY = secret();
const OPERATOR = secret();

let folder: string;
let stack: Stack;
let producer: StreamProducer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-secrets-'));
  stack = await startStack({
    ...{ dataDir: folder, log: createLogger('secrets', 'silent') },
    environment: {
      ...{ PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'trace', PENSTOCK_INTAKE_BEARER_TOKENS: SENDER },
      ...{ PENSTOCK_API_KEYS: `detect:${KEY}`, PENSTOCK_CONSOLE_LOGINS: `operator:otto:${OPERATOR}` },
      // A collector that is away, with a header of its own.
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', PENSTOCK_TRACE_RATIO: '1' },
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${secret()}`,
    },
  });
  useStack(folder);
  const config = loadConfig({ ...roleEnvironment(await endpointsNow()) });
  producer = await createProducer({ config, log: createLogger('test', 'silent'), metrics: createMetrics('test') });
}, 180_000);

afterAll(async () => {
  await producer.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** Every line that any role has written. */
async function lines(): Promise<{ role: string; text: string }[]> {
  const logs = join(folder, 'logs');
  const roles = ['intake', 'dispatcher', 'orchestrator', 'detector', 'ingester', 'sink', 'console'];
  const files = (await readdir(logs)).filter((file) => roles.some((role) => file.startsWith(role)));
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await readFile(join(logs, file), 'utf8') })),
  );
  return texts.flatMap(({ file, text }) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ role: file, text: line })),
  );
}

async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  to?: string,
) {
  const { intake = '' } = await endpointsNow();
  const answer = await fetch(`${to ?? intake}${path}`, { method: 'POST', body, headers });
  return { status: answer.status, cookie: answer.headers.get('set-cookie') ?? '', text: await answer.text() };
}

it('no secret that comes in by any path is in a log, and every line has the fields of the table', async () => {
  const bearer = { authorization: `Bearer ${SENDER}` };
  const json = { 'content-type': 'application/json', cookie: `session=${secret()}`, 'x-api-key': secret() };
  const ce = { 'ce-specversion': '1.0', 'ce-type': 'google.cloud.storage.object.v1.finalized', 'ce-source': 's' };
  jwts.push(...Array.from({ length: 4 }, jwt));
  const [idToken = '', assertion = '', told = '', inRow = ''] = jwts;

  // Intake: senders that are none, bodies that are none, names and attributes with what should not be in them.
  expect((await post('/events/gcs', '{}', { ...json, authorization: `Bearer ${secret()}` })).status).toBe(401);
  expect((await post('/events/gcs', '{}', { ...json, authorization: `Bearer ${idToken}` })).status).toBe(401);
  await post('/events/gcs', `{"no": "json`, { ...json, ...bearer, ...ce, 'ce-id': signedUrl() });
  await post('/events/gcs', JSON.stringify({ selfLink: signedUrl(), token: secret() }), { ...json, ...bearer, ...ce });
  await post(`/events/pubsub?token=${secret()}`, JSON.stringify({ message: { attributes: { token: secret() } } }), {
    ...{ ...json, ...bearer, 'x-goog-iap-jwt-assertion': assertion },
  });
  await post(`/nowhere?access_token=${secret()}`, '{}', { ...json, ...bearer });

  // Kafka: records that are no events and results that ClickHouse refuses, with such headers and values.
  const headers = { authorization: `Bearer ${secret()}`, 'x-auth-token': secret() };
  await producer.send(imageEventsTopic('bulk'), [{ key: signedUrl(), value: `{"v":1,"bearer":"${told}"}`, headers }]);
  const name = `https://x/?signature=${secret()}&password=${secret()} ${inRow} \ud800`;
  const row = {
    ...{ v: 1, bucket: 'uploads', object: name, generation: '1', model: 'shapes@0123456789ab', status: 'detected' },
    ...{ width: 1, height: 1, uploadedAtMs: Date.now(), receivedAtMs: Date.now(), detectedAtMs: Date.now() },
    ...{ attempts: 1, workflowId: 'w', runId: 'r' },
    detections: [{ class: name, score: 0.9, xMin: 0, yMin: 0, xMax: 1, yMax: 1 }],
  };
  await producer.send(IMAGE_RESULTS_TOPIC, [{ key: 'row', value: JSON.stringify(row), headers }]);

  // The storage: an object that is gone, whose name is in the storage's answer.
  const gone = { bucket: 'uploads', name: `gone.jpg?X-Goog-Signature=${secret()}`, generation: '1' };
  const resource = { ...gone, contentType: 'image/jpeg', size: '1000', timeCreated: new Date().toISOString() };
  expect(
    (await post('/events/gcs', JSON.stringify(resource), { ...json, ...bearer, ...ce, 'ce-id': randomUUID() })).status,
  ).toBeLessThan(300);

  // The API of one image, and the console.
  const { jpeg } = await scene(1);
  const picture = { 'content-type': 'image/jpeg' };
  const key = { authorization: `Bearer ${KEY}` };
  expect(
    (await post('/v1/detect', new Uint8Array(jpeg), { ...picture, authorization: `Basic ${secret()}` })).status,
  ).toBe(401);
  expect((await post(`/v1/detect?name=a&token=${secret()}`, new Uint8Array(jpeg), { ...picture, ...key })).status).toBe(
    400,
  );
  expect((await post('/v1/detect', new Uint8Array(jpeg), { ...picture, ...key })).status).toBe(200);
  const { console: at = '' } = await endpointsNow();
  const origin = { 'content-type': 'application/json', origin: at, 'x-penstock': '1' };
  expect((await post('/api/session', JSON.stringify({ token: secret() }), origin, at)).status).toBe(401);
  const { status, cookie } = await post('/api/session', JSON.stringify({ token: OPERATOR }), origin, at);
  expect(status).toBeLessThan(300);
  const session = cookie.split(';')[0] ?? '';
  await post(
    '/api/batches/retry',
    JSON.stringify({ ids: [`detect/${signedUrl()}`] }),
    { ...origin, cookie: session },
    at,
  );
  await fetch(`${at}/api/image?uri=${encodeURIComponent(`gs://uploads/${gone.name}`)}`, {
    headers: { cookie: session },
  });

  // A person's reason for a change, which the orchestrator tells.
  await penstock('capacity', 'pause', '--why', `the password=${secret()} has to be changed`);
  await penstock('capacity', 'resume', '--why', 'it is');

  await eventually(lines, (all) => all.some(({ text }) => text.includes('resumed')), 60_000);
  await eventually(
    () => imageCounts('gone.jpg'),
    ({ dead }) => dead === 1,
    60_000,
  );
  await eventually(
    async () => (await penstock('dead', 'ls', '--since', '1h')).report as { letters: unknown[] },
    ({ letters }) => letters.length >= 4,
    60_000,
  );
  // Servers that go away have their users write what they know of them.
  for (const server of ['clickhouse', 'gcs']) {
    await stack.takeDown(server);
    if (server === 'clickhouse') await post('/v1/detect', new Uint8Array(jpeg), { ...picture, ...key });
    await stack.bringBack(server);
  }

  const all = await lines();
  expect(new Set(all.map(({ role }) => role.split('.')[0]))).toEqual(
    new Set(['intake', 'dispatcher', 'orchestrator', 'detector', 'ingester', 'sink', 'console']),
  );
  expect(all.length).toBeGreaterThan(50);
  const leaks = all.filter(({ text }) => text.includes(MARK) || jwts.some((token) => text.includes(token.slice(-20))));
  expect(leaks).toEqual([]);
  expect(all.some(({ text }) => text.includes('[redacted]'))).toBe(true);

  for (const { text } of all) {
    const line = JSON.parse(text) as Record<string, unknown>;
    expect(line).toMatchObject({ level: expect.any(String) as string, time: expect.any(String) as string });
    expect(line).toMatchObject({ role: expect.any(String) as string, pid: expect.any(Number) as number });
    expect(Object.keys(line).filter((field) => !Object.hasOwn(LOG_FIELDS, field))).toEqual([]);
  }
}, 300_000);
