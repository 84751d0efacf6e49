import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { askShare, changeCapacity } from '../../src/client/index.js';
import { detectQueue } from '../../src/domain/index.js';
import { scene } from '../../src/scenes/index.js';
import { bucketOf, endpointsNow, eventually, imageCounts, postEvent, select } from './pipeline.js';
import { residentMb, startRole, type RoleProcess } from './roleProcess.js';
import { recordHistory } from './recordHistory.js';

const KEY = 'key-of-a-sender-of-the-detect-api-1';
const ELSEWHERE = 'key-of-a-sender-of-another-bucket-2';
const MAX_BYTES = 1_000_000;
const { jpeg } = await scene(3);

let api: RoleProcess;
let connection: Connection;
let client: Client;
/** Holds a lease as a detector does, so that the forecast has somebody to count on. */
let lease: Lease;

beforeAll(async () => {
  connection = await Connection.connect({ address: (await endpointsNow()).temporal });
  client = new Client({ connection });
  lease = new Lease('shapes');
  await lease.begin();
  api = await startRole('intake', {
    PENSTOCK_API_KEYS: `detect:${KEY},detect@another-bucket:${ELSEWHERE}`,
    PENSTOCK_DETECT_API_MAX_BYTES: String(MAX_BYTES),
  });
});

afterAll(async () => {
  await api.stop();
  await lease.end();
  await connection.close();
});

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

async function post(headers: Record<string, string>, body: string | Buffer, query = ''): Promise<Answer> {
  const response = await fetch(`${api.address}/v1/detect${query}`, {
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

const ask = (reference: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  post({ 'content-type': 'application/json', ...headers }, JSON.stringify(reference));

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

  it('answers 504 when the deadline passes, and the image is detected all the same', async () => {
    const model = `late-${randomUUID().slice(0, 8)}`;
    const { image } = await upload(`detect-api-late/${model}.jpg`);
    const answer = await ask({ image, deadlineMs: 1_001 });
    // On an idle machine this may be fast enough.
    expect([200, 504]).toContain(answer.status);
    await eventually(
      () => imageCounts('detect-api-late/'),
      ({ detected }) => detected === 1,
      30_000,
    );
    expect(detectQueue(model, true)).toContain(model);
  });

  it('answers 429 with Retry-After under a cap, and 503 while somebody has paused', async () => {
    const { image } = await upload('detect-api-cap.jpg');
    const change = (what: Parameters<typeof changeCapacity>[1]['change']) =>
      changeCapacity(client, { change: what, who: 'test', why: 'the detect API' }, 30_000);
    onTestFinished(async () => {
      lease.express = 0;
      await change({ set: { model: 'shapes', cap: 'default' } });
    });
    lease.express = 20;
    await change({ set: { model: 'shapes', cap: 2 } });
    const busy = await eventually(
      () => ask({ image, deadlineMs: 3_000 }),
      ({ status }) => status === 429,
      15_000,
    );
    // Twenty are ahead, at two a second: ten seconds, and at most a few of its own; three it has.
    expect(busy.retryAfter).toBeGreaterThanOrEqual(7);
    expect(busy.retryAfter).toBeLessThanOrEqual(13);
    await change({ pause: true });
    const paused = await eventually(
      () => ask({ image }),
      ({ status }) => status === 503,
      15_000,
    );
    await change({ resume: true });
    expect(paused).toMatchObject({ retryAfter: 30, body: { message: 'paused by test: the detect API' } });
    lease.express = 0;
    await change({ set: { model: 'shapes', cap: 'default' } });
    await eventually(
      () => ask({ image }),
      ({ status }) => status === 200,
      15_000,
    );
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

describe('fifty bodies of 10 MB at once', () => {
  it.runIf(process.platform === 'linux')('cost intake no more than 150 MB (needs /proc)', async () => {
    const intake = await startRole('intake', {});
    onTestFinished(() => intake.stop());
    const before = await residentMb(intake.pid);
    let most = before;
    const watch = setInterval(() => void residentMb(intake.pid).then((mb) => (most = Math.max(most, mb))), 50);
    const body = new Uint8Array(10_000_000).fill(7);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        fetch(`${intake.address}/v1/detect?deadlineMs=60000`, {
          method: 'POST',
          headers: { 'content-type': 'image/jpeg' },
          body,
        }),
      ),
    );
    clearInterval(watch);
    console.log(`intake: ${Math.round(before)} MB, at most ${Math.round(most)} MB`);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([422]));
    expect(most - before).toBeLessThan(150);
  });
});
