import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { askShare, changeCapacity } from '../../src/client/index.js';
import { scene } from '../../src/scenes/index.js';
import { bucketOf, endpointsNow, eventually, imageCounts, postEvent, select } from './pipeline.js';
import { residentMb, startRole, type RoleProcess } from './roleProcess.js';
import { recordHistory } from './recordHistory.js';
import { ScriptedDetectors } from './scriptedDetector.js';

const KEY = 'key-of-a-sender-of-the-detect-api-1';
const ELSEWHERE = 'key-of-a-sender-of-another-bucket-2';
const MAX_BYTES = 1_000_000;
const { jpeg } = await scene(3);

let api: RoleProcess;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  connection = await Connection.connect({ address: (await endpointsNow()).temporal });
  client = new Client({ connection });
  api = await startRole('intake', {
    PENSTOCK_API_KEYS: `detect:${KEY},detect@another-bucket:${ELSEWHERE}`,
    PENSTOCK_DETECT_API_MAX_BYTES: String(MAX_BYTES),
  });
});

afterAll(async () => {
  await api.stop();
  await connection.close();
});

/** Holds a lease as a detector does. */
class Lease {
  readonly #holder = `test-${randomUUID()}`;
  #seq = 0;
  #revision = 0;
  #rate: number | null = 0;
  #timer: NodeJS.Timeout | undefined;
  express = 0;

  constructor(readonly model: string) {}

  async begin(): Promise<void> {
    await this.#ask();
    this.#timer = setInterval(() => void this.#ask().catch(() => undefined), 300);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ask(true);
  }

  async #ask(leaving = false): Promise<void> {
    this.#seq += 1;
    const reply = await askShare(client, {
      ...{ holder: this.#holder, seq: this.#seq, model: this.model, most: null, slots: 1, rate: this.#rate },
      ...{ revision: this.#revision, budget: { day: '', used: 0, limit: 0 } },
      waiting: { express: this.express, bulk: 0 },
      ...(leaving ? { leaving } : {}),
    });
    this.#rate = reply.rate;
    this.#revision = reply.revision;
  }
}

interface Answer {
  status: number;
  retryAfter: number;
  body: Record<string, unknown> & { detections?: unknown[]; workflowId?: string; image?: Record<string, string> };
}

async function post(
  headers: Record<string, string>,
  body: string | Buffer,
  query = '',
  address = api.address,
): Promise<Answer> {
  const response = await fetch(`${address}/v1/detect${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return {
    status: response.status,
    retryAfter: Number(response.headers.get('retry-after')),
    body: (await response.json()) as Answer['body'],
  };
}

const ask = (
  reference: Record<string, unknown>,
  headers: Record<string, string> = {},
  address = api.address,
): Promise<Answer> => post({ 'content-type': 'application/json', ...headers }, JSON.stringify(reference), '', address);

/** Puts a picture into the bucket of the stack, without an event. */
async function upload(name: string, bytes: Buffer = jpeg): Promise<{ image: string; generation: string }> {
  const endpoints = await endpointsNow();
  const file = (await bucketOf(endpoints)).file(name);
  await file.save(bytes, { resumable: false, metadata: { contentType: 'image/jpeg' } });
  return { image: `gs://${endpoints.bucket}/${name}`, generation: String(file.metadata.generation) };
}

describe('POST /v1/detect', () => {
  it('answers with the boxes of an image in a bucket, which has one row, also when two ask at once', async () => {
    const { image, generation } = await upload('detect-api/dog ü.jpg');
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask({ image })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const [first] = answers;
    expect(first?.body).toMatchObject({ model: 'shapes', image: { object: 'detect-api/dog ü.jpg', generation } });
    expect(first?.body.detections?.length).toBeGreaterThan(0);
    expect(new Set(answers.map(({ body }) => body.workflowId)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.detections))).size).toBe(1);
    await eventually(
      () => imageCounts('detect-api/'),
      ({ rows, detected }) => rows === 1 && detected === 1,
      30_000,
    );
    const handle = client.workflow.getHandle(first?.body.workflowId ?? '');
    await recordHistory('detectImage.asked', handle);
    const again = await ask({ image: `${image}#${generation}` });
    expect(again.status).toBe(200);
    expect((await imageCounts('detect-api/')).rows).toBe(1);
  });

  it('answers with the boxes of a body, stores it once, and its notification detects it no second time', async () => {
    const { bucket } = await endpointsNow();
    const answer = await post({ 'content-type': 'application/octet-stream' }, jpeg, '?name=a b.jpg&deadlineMs=20000');
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const { object = '', generation = '' } = answer.body.image ?? {};
    expect(object).toMatch(/^api\/\d{4}\/\d\d\/\d\d\/[0-9a-f-]{36}-a b\.jpg$/);
    const file = (await bucketOf(await endpointsNow())).file(object);
    expect((await file.download())[0].equals(jpeg)).toBe(true);
    const [metadata] = await file.getMetadata();
    expect(metadata.metadata).toEqual({ 'penstock-lane': 'none' });
    const count = async (): Promise<number> => {
      const text = await (await fetch(`${(await endpointsNow()).intake ?? ''}/metrics`)).text();
      return Number(/penstock_intake_events_total\{outcome="lane_none"[^}]*\} (\d+)/.exec(text)?.[1]);
    };
    const before = await count();
    await postEvent({ bucket, object, generation }, { ...metadata });
    expect(await count()).toBe(before + 1);
    const rows = await eventually(
      () => select<{ workflow_id: string }>(`SELECT workflow_id FROM image_results WHERE object = '${object}'`),
      (found) => found.length > 0,
      30_000,
    );
    expect(rows.map((row) => row.workflow_id)).toEqual([answer.body.workflowId]);
  });

  it('names the reason of an image that is dead, and of one that is hopeless before any work', async () => {
    const cut = await post({ 'content-type': 'image/jpeg' }, jpeg.subarray(0, jpeg.length >> 1));
    expect(cut).toMatchObject({ status: 422, body: { error: 'CORRUPT_IMAGE' } });
    expect(cut.body.workflowId).toMatch(/^detect-image\/shapes\//);
    const svg = await post({ 'content-type': 'image/svg+xml' }, '<svg/>');
    expect(svg).toMatchObject({ status: 422, body: { error: 'UNSUPPORTED_FORMAT' } });
    const { image } = await upload('detect-api-empty.jpg', Buffer.alloc(0));
    expect(await ask({ image })).toMatchObject({ status: 422, body: { error: 'NOT_AN_IMAGE' } });
  });

  it('says what is wrong with a request', async () => {
    const { bucket } = await endpointsNow();
    const image = `gs://${bucket}/no-such.jpg`;
    expect(await ask({ image })).toMatchObject({ status: 404 });
    expect(await ask({ image, model: 'other' })).toMatchObject({
      status: 400,
      body: { message: 'model: no route has other; known are shapes' },
    });
    expect(await ask({ image: 'dog.jpg', deadlineMs: 0 })).toMatchObject({ status: 400 });
    expect(await ask({ image }, { authorization: 'Bearer no' })).toMatchObject({ status: 401 });
    expect(await ask({ image }, { authorization: `Bearer ${ELSEWHERE}` })).toMatchObject({ status: 403 });
    expect(await post({ 'content-type': 'image/jpeg', 'content-encoding': 'gzip' }, gzipSync(jpeg))).toMatchObject({
      status: 415,
    });
    expect(await post({ 'content-type': 'text/plain' }, 'x')).toMatchObject({ status: 415 });
    expect(await post({ 'content-type': 'image/jpeg' }, Buffer.alloc(MAX_BYTES + 1))).toMatchObject({ status: 413 });
  });

  it('reads no further than it may, and stores nothing of a body that is too large or breaks off', async () => {
    const bucket = await bucketOf(await endpointsNow());
    const stored = async (): Promise<number> => (await bucket.getFiles({ prefix: 'api/' }))[0].length;
    const before = await stored();
    const block = Buffer.alloc(65_536, 1);
    const status = await new Promise<number>((resolve, reject) => {
      const sending = request(`${api.address}/v1/detect`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'image/jpeg' },
      });
      sending.on('response', (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
      // Just above the limit, and then it stays open.
      for (let sent = 0; sent <= MAX_BYTES; sent += block.length) sending.write(block);
      onTestFinished(() => void sending.destroy());
    });
    expect(status).toBe(413);
    const broken = request(`${api.address}/v1/detect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'image/jpeg', 'content-length': '200000' },
    });
    broken.on('error', () => undefined).write(block, () => broken.destroy());
    await eventually(
      () => metric('outcome="incomplete"'),
      (count) => count === 1,
      10_000,
    );
    expect(await stored()).toBe(before);
  });
});

/** A model of its own, whose only detector is a lease that a test holds: what is ahead is then known. */
describe('a model whose detector is slow', () => {
  const model = `late-${randomUUID().slice(0, 8)}`;
  const lease = new Lease(model);
  let intake: RoleProcess;
  let image = '';
  const askLate = (deadlineMs: number): Promise<Answer> => ask({ image, deadlineMs }, {}, intake.address);
  const change = (what: Parameters<typeof changeCapacity>[1]['change']) =>
    changeCapacity(client, { change: what, who: 'test', why: 'the detect API' }, 30_000);

  beforeAll(async () => {
    ({ image } = await upload(`detect-api-late/${model}.jpg`));
    await lease.begin();
    intake = await startRole('intake', { PENSTOCK_DEFAULT_MODEL: model });
  });

  afterAll(async () => {
    await change({ set: { model, cap: 'default' } });
    await lease.end();
    await intake.stop();
  });

  it('is answered 504 when the deadline passes, and the image is detected all the same', async () => {
    const answer = await askLate(4_000);
    expect(answer).toMatchObject({ status: 504, body: { error: 'late' } });
    expect(answer.body['message']).toContain('still detected');
    const detectors = await ScriptedDetectors.connect((await endpointsNow()).temporal);
    onTestFinished(() => detectors.close());
    const detections = { width: 10, height: 10, detections: [] };
    const { calls } = await detectors.start(
      model,
      () => ({ detected: 1, dead: [], retry: [], untried: [], detections }),
      true,
    );
    expect(await client.workflow.getHandle(answer.body.workflowId ?? '').result()).toEqual(detections);
    expect(calls).toHaveLength(1);
  });

  it('is answered 429 with Retry-After under a cap, and 503 while somebody has paused', async () => {
    lease.express = 20;
    await change({ set: { model, cap: 2 } });
    // Twenty are ahead, at two a second: ten seconds, and one of its own; three it has.
    await eventually(
      () => askLate(3_000),
      ({ status, retryAfter }) => status === 429 && retryAfter === 8,
      20_000,
    );
    await change({ pause: true });
    const paused = await eventually(
      () => askLate(3_000),
      ({ status }) => status === 503,
      20_000,
    ).finally(() => change({ resume: true }));
    expect(paused).toMatchObject({ retryAfter: 30, body: { message: 'paused by test: the detect API' } });
  });

  it('is answered 503 without a detector that has a lease', async () => {
    await lease.end();
    const answer = await eventually(
      () => askLate(3_000),
      ({ status }) => status === 503,
      20_000,
    );
    expect(answer.body['message']).toBe(`no detector of ${model} has a lease`);
  });
});

async function metric(label: string): Promise<number> {
  const text = await (await fetch(`${api.address}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith('penstock_detect_api_requests_total') && one.includes(label));
  return Number(line?.split(' ').at(-1));
}

describe('docs/detect-api.md', () => {
  it('has examples that work', async () => {
    const document = await readFile(new URL('../../docs/detect-api.md', import.meta.url), 'utf8');
    const examples = [...document.matchAll(/```sh\n([^]*?)```/g)].map(([, text = '']) => text);
    expect(examples).toHaveLength(2);
    const picture = join(tmpdir(), `penstock-${randomUUID()}.jpg`);
    await writeFile(picture, jpeg);
    onTestFinished(() => rm(picture));
    await upload('detect-api-doc.jpg');
    const { bucket } = await endpointsNow();
    const env = {
      ...process.env,
      INTAKE: api.address,
      KEY,
      BUCKET: bucket,
      OBJECT: 'detect-api-doc.jpg',
      PICTURE: picture,
    };
    for (const example of examples) {
      const { stdout } = await promisify(execFile)('bash', ['-ec', example], { env });
      expect(JSON.parse(stdout)).toMatchObject({ model: 'shapes', width: expect.any(Number) as number });
    }
  });
});

/** A storage that keeps nothing, so that fifty bodies are read at the same time and soon. */
async function startHollowStorage(): Promise<string> {
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://storage');
    let size = 0;
    incoming.on('data', (chunk: Buffer) => (size += chunk.length));
    incoming.on('end', () => {
      const resource = { bucket: 'uploads', name: url.searchParams.get('name'), generation: '1', size: String(size) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...resource, timeCreated: new Date().toISOString() }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('fifty bodies of 10 MB at once', () => {
  it.runIf(process.platform === 'linux')('cost intake no more than 150 MB (needs /proc)', async () => {
    const intake = await startRole('intake', { PENSTOCK_GCS_ENDPOINT: await startHollowStorage() });
    onTestFinished(() => intake.stop());
    const before = await residentMb(intake.pid);
    let most = before;
    const watch = setInterval(() => void residentMb(intake.pid).then((mb) => (most = Math.max(most, mb))), 50);
    const body = Buffer.alloc(10_000_000, 7);
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          post({ 'content-type': 'image/jpeg' }, body, '?deadlineMs=60000', intake.address),
        ),
      );
      // Each was read to its end and stored. No detector finds them; and an orchestrator of a busy machine may take more
      // than the ten seconds that intake gives it for all fifty.
      for (const { status, body: answer } of answers) {
        expect(['422 GONE', '503 unavailable']).toContain(`${status} ${String(answer['error'])}`);
        expect(answer.image).toEqual(expect.stringMatching(/^gs:\/\/uploads\//));
      }
    } finally {
      clearInterval(watch);
    }
    console.log(`intake: ${Math.round(before)} MB, at most ${Math.round(most)} MB`);
    expect(most - before).toBeLessThan(150);
  });
});
