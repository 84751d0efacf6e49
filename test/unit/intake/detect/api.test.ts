import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { OneImageOutcome } from '../../../../src/client/index.js';
import { loadConfig } from '../../../../src/config/index.js';
import { createDetectApi } from '../../../../src/intake/detect/api.js';
import { serveDetectApi } from '../../../../src/intake/detect/index.js';
import { openRouting } from '../../../../src/routing/index.js';
import { createHttpServer } from '../../../../src/service/index.js';
import { createMetrics } from '../../../../src/telemetry/index.js';
import { startStorage } from '../../storage/storageServer.js';
import { capturedLogger } from '../capturedLogger.js';

const KEY = 'k'.repeat(32);
const IMAGE = { width: 10, height: 10, detections: [] };

interface Answer {
  status: number;
  retryAfter: string | null;
  challenge: string | null;
  body: Record<string, unknown>;
}

interface Rig {
  address: string;
  lines: Record<string, unknown>[];
  /** Objects that storage was asked for. */
  read: string[];
  stop: () => Promise<void>;
  ask: (reference?: Record<string, unknown>, headers?: Record<string, string>) => Promise<Answer>;
  count: (outcome: string) => Promise<number>;
}

async function post(address: string, headers: Record<string, string>, body: string): Promise<Answer> {
  const response = await fetch(`${address}/v1/detect`, { method: 'POST', headers, body });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    challenge: response.headers.get('www-authenticate'),
    body: (await response.json()) as Answer['body'],
  };
}
const JSON_TYPE = { 'content-type': 'application/json' };

type Detect = (signal: AbortSignal) => Promise<OneImageOutcome> | undefined;

/** The API before a storage that has one object, and a Temporal that answers as a test says. */
async function start(detect: Detect, environment: Record<string, string> = {}, isAway = false): Promise<Rig> {
  const read: string[] = [];
  const storage = await startStorage((object, _before, response, request) => {
    read.push(object);
    const resource = {
      bucket: /\/b\/([^/]+)\//.exec(request.url ?? '')?.[1],
      name: object,
      generation: '17',
      timeCreated: new Date().toISOString(),
    };
    if (object === 'gone.jpg') response.writeHead(404).end('{"error":{"code":404}}');
    else
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ ...resource, contentType: 'image/jpeg', size: '100' }));
  });
  const config = loadConfig({ PENSTOCK_GCS_ENDPOINT: storage.endpoint, ...environment });
  const { log, lines } = capturedLogger();
  const metrics = createMetrics('intake');
  const http = createHttpServer({ metrics, waits: new Map(), maxBodyBytes: 1024, maxConnections: 100 });
  const routing = await openRouting(config, log);
  const api = createDetectApi(
    { config, log, metrics, http, routing },
    {
      detect: (_input, { signal }) => detect(signal),
      capacity: () => undefined,
      isAway: () => isAway,
      close: () => Promise.resolve(),
    },
  );
  const address = await http.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => http.close());
  return {
    address,
    lines,
    read,
    stop: api.stop,
    ask: (reference = { image: 'gs://uploads/a.jpg' }, headers = {}) =>
      post(address, { ...JSON_TYPE, ...headers }, JSON.stringify(reference)),
    count: async (outcome) => {
      const found = await metrics.registry.getSingleMetric('penstock_detect_api_requests_total')?.get();
      return found?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
    },
  };
}

const detected: Detect = () => Promise.resolve({ kind: 'detected', image: IMAGE });

describe('the detect API', () => {
  it('answers with the boxes, the generation that it read and the execution', async () => {
    const { ask, count } = await start(detected);
    const response = await ask();
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      ...{ image: { bucket: 'uploads', object: 'a.jpg', generation: '17' }, model: 'shapes', ...IMAGE },
      workflowId: expect.stringMatching(/^detect-image\/shapes\/uploads\/[0-9a-f]{32}\/17$/) as string,
    });
    expect(await count('detected')).toBe(1);
  });

  const workflowId = expect.stringContaining('detect-image/') as string;
  it.each<[string, Detect, boolean, object]>([
    [
      'a dead image',
      () => Promise.resolve({ kind: 'dead', reason: 'CORRUPT_IMAGE', message: 'cut' }),
      false,
      { status: 422, body: { error: 'CORRUPT_IMAGE', message: 'cut', workflowId } },
    ],
    [
      'a deadline that passes while it is detected',
      () => Promise.resolve({ kind: 'late', isBegun: true }),
      false,
      { status: 504, body: { error: 'late', workflowId } },
    ],
    [
      'a deadline that passes while Temporal is away',
      () => Promise.resolve({ kind: 'late', isBegun: false }),
      true,
      { status: 503, retryAfter: '5', body: { error: 'unavailable', workflowId } },
    ],
    [
      'nobody who takes it',
      () => Promise.resolve({ kind: 'away', message: 'no' }),
      false,
      { status: 503, retryAfter: '5', body: { error: 'unavailable', workflowId } },
    ],
    ['no connection yet', () => undefined, true, { status: 503, retryAfter: '5', body: { error: 'unavailable' } }],
    [
      'too many that wait for it',
      () => Promise.resolve({ kind: 'crowded' }),
      false,
      { status: 429, retryAfter: '1', body: { error: 'busy' } },
    ],
  ])('says so with a status of its own: %s', async (_name, detect, isAway, expected) => {
    const { ask } = await start(detect, {}, isAway);
    expect(await ask()).toMatchObject(expected);
  });

  it('takes an image by the rules by which intake takes its event', async () => {
    const { ask, read } = await start(detected, { PENSTOCK_BUCKETS: 'uploads', PENSTOCK_IMAGE_MAX_BYTES: '99' });
    expect((await ask({ image: 'gs://others/a.jpg' })).status).toBe(403);
    expect(read, 'whether it is there is none of their business').toEqual([]);
    expect((await ask()).body).toMatchObject({ error: 'TOO_LARGE' });
    expect((await ask({ image: 'gs://uploads/gone.jpg' })).status).toBe(404);
  });

  it('takes no body where no bucket is for them, and says what to set', async () => {
    const { address } = await start(detected);
    const response = await post(address, { 'content-type': 'image/jpeg' }, 'bytes');
    expect(response.status).toBe(400);
    expect(response.body['message']).toContain('PENSTOCK_DETECT_API_BUCKET');
  });

  it('works on no more requests than it may, and on others once they are answered', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let begun = 0;
    const { ask } = await start(() => (begun++, held).then(() => ({ kind: 'detected', image: IMAGE })), {
      PENSTOCK_DETECT_API_MAX_IN_FLIGHT: '2',
    });
    const first = [ask(), ask()];
    await vi.waitFor(() => expect(begun).toBe(2), 5_000);
    const third = await ask();
    expect([third.status, third.retryAfter]).toEqual([429, '1']);
    release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask()).status).toBe(200);
  });

  it('never logs a key, and counts who has none', async () => {
    const { ask, lines, count } = await start(detected, { PENSTOCK_API_KEYS: `detect:${KEY}` });
    expect((await ask(undefined, { authorization: `Bearer ${KEY}` })).status).toBe(200);
    const refused = await ask(undefined, { authorization: `Bearer ${KEY}x` });
    expect([refused.status, refused.challenge]).toEqual([401, 'Bearer']);
    expect(await count('unauthorized')).toBe(1);
    expect(JSON.stringify(lines)).not.toContain(KEY);
  });

  it('answers those that wait when it stops, and takes no others', async () => {
    let isBegun = false;
    const { ask, stop } = await start(
      (signal) =>
        new Promise((resolve) => {
          isBegun = true;
          signal.addEventListener('abort', () => resolve({ kind: 'late', isBegun: true }));
        }),
    );
    const waiting = ask();
    await vi.waitFor(() => expect(isBegun).toBe(true), 5_000);
    const stopped = stop();
    expect((await ask()).status).toBe(503);
    await stopped;
    expect((await waiting).status).toBe(503);
  }, 15_000);
});

describe('without keys', () => {
  const serve = async (host: string): Promise<{ status: number; lines: Record<string, unknown>[] }> => {
    const config = loadConfig({ PENSTOCK_HTTP_HOST: host });
    const { log, lines } = capturedLogger();
    const metrics = createMetrics('intake');
    const http = createHttpServer({ metrics, waits: new Map(), maxBodyBytes: 1024, maxConnections: 100 });
    const api = await serveDetectApi({ config, log, metrics, http, routing: await openRouting(config, log) });
    onTestFinished(async () => {
      await api.stop();
      await http.close();
    });
    const address = await http.listen({ host: '127.0.0.1', port: 0 });
    return { status: (await post(address, JSON_TYPE, '{}')).status, lines };
  };

  it('is there on loopback', async () => {
    expect((await serve('127.0.0.1')).status).toBe(400);
  }, 30_000);

  it('is not there elsewhere, and the log says why', async () => {
    const { status, lines } = await serve('0.0.0.0');
    expect(status).toBe(404);
    expect(lines.map(({ msg }) => msg)).toContain('no POST /v1/detect: PENSTOCK_API_KEYS has no key');
  });
});
