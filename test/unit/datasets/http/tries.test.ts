import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createLogger } from '../../../../src/telemetry/index.js';
import { PASSING_FAULTS, seededFaults, type Fault } from '../../../system/flakyApi.js';
import {
  failureOf,
  fastClock,
  fetchAll,
  ids,
  idsOf,
  numbered,
  SECRET,
  serve,
  serveBodies,
  sourceOf,
  startApi,
} from './fetching.js';

const auth = { type: 'bearer', value: SECRET } as const;

test.each<Fault>([
  { kind: 'status', status: 408 },
  { kind: 'status', status: 425 },
  { kind: 'status', status: 429, retryAfterSeconds: 3 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, retryAfterSeconds: 0 },
  { kind: 'cut' },
  { kind: 'half' },
  { kind: 'reset' },
  { kind: 'slow', ms: 20 },
])('after $kind $status a page comes whole', async (fault) => {
  const faults = { 2: [fault, fault] };
  const api = await startApi({ records: numbered(25), pageSize: 10, faults, auth });
  const clock = fastClock();
  expect(idsOf(await fetchAll(api.source, { clock }))).toEqual(ids(25));
  expect(api.requests.filter(({ page }) => page === 2).length).toBe(fault.kind === 'slow' ? 1 : 3);
});

test('an answer that does not end is given up after the timeout of a request', async () => {
  const faults = { 1: [{ kind: 'hang' } as const] };
  const api = await startApi({ records: numbered(25), pageSize: 10, faults });
  const began = performance.now();
  const pages = await fetchAll({ ...api.source, timeout: '1s' }, { clock: fastClock() });
  expect(idsOf(pages)).toEqual(ids(25));
  expect(performance.now() - began).toBeGreaterThan(990);
});

test('an API that is as bad as they come gives every record once, compressed or not', async () => {
  for (const [seed, gzip] of [
    [1, false],
    [2, true],
  ] as const) {
    const kinds = PASSING_FAULTS.filter(({ kind }) => kind !== 'slow');
    const faults = seededFaults({ seed, pages: 15, share: 0.7, most: 4, kinds });
    const api = await startApi({ records: numbered(150), pageSize: 10, pagination: 'cursor', faults, auth, gzip });
    expect(idsOf(await fetchAll(api.source, { clock: fastClock() }))).toEqual(ids(150));
    expect(api.requests.length).toBeGreaterThan(25);
  }
});

test('waits double with jitter and end after eight tries', async () => {
  const api = await serve((_, response) => response.writeHead(502).end('<h1>Bad\n gateway</h1>'));
  const clock = fastClock();
  const failure = await failureOf(sourceOf({ url: api.url }), { clock });
  expect(failure).toMatchObject({ kind: 'answer', retryable: true, retryAfterMs: undefined });
  expect(failure.message).toBe(`${api.url}#page=1: answered 502: <h1>Bad gateway</h1>; given up after 8 tries`);
  expect(api.requests.length).toBe(8);
  for (const [index, wait] of clock.waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(250 * 2 ** index);
    expect(wait).toBeLessThanOrEqual(500 * 2 ** index);
  }
});

test('each try takes its turn at the host', async () => {
  const faults = { 1: [{ kind: 'status', status: 500 }, { kind: 'cut' }] } as const;
  const api = await startApi({ records: numbered(1), pagination: 'none', faults });
  const taken: string[] = [];
  const pace = { take: (host: string, perSecond: number) => Promise.resolve(void taken.push(`${host} ${perSecond}`)) };
  await fetchAll(api.source, { clock: fastClock(), pace });
  expect(taken).toEqual(Array.from({ length: 3 }, () => `${api.host} 1000`));
});

test.each([
  ['7', 7_000],
  [new Date(Date.UTC(2024, 0, 1, 0, 1)).toUTCString(), 60_000],
])('Retry-After %s is kept to', async (after, least) => {
  let asked = 0;
  const api = await serve((_, response) => {
    asked += 1;
    if (asked > 1) return void response.end('[]');
    // Its clock is years behind, and says so.
    response.writeHead(429, { 'retry-after': after, date: new Date(Date.UTC(2024, 0, 1)).toUTCString() }).end();
  });
  const clock = fastClock();
  await fetchAll(sourceOf({ url: api.url }), { clock });
  expect(clock.waits).toEqual([least]);
});

test('who is to be left alone for more than ten minutes is, and the caller knows for how long', async () => {
  const api = await serve((_, response) => response.writeHead(429, { 'retry-after': '700' }).end());
  const failure = await failureOf(sourceOf({ url: api.url }), { clock: fastClock() });
  expect(failure).toMatchObject({ kind: 'answer', retryable: true, retryAfterMs: 700_000 });
  expect(failure.message).toContain('answered 429; it asks to be left alone for 700 s; given up after a try');
  expect(api.requests.length).toBe(1);
});

test('a page is not tried for longer than 15 minutes', async () => {
  const api = await serve((_, response) => response.writeHead(503, { 'retry-after': '400' }).end());
  expect((await failureOf(sourceOf({ url: api.url }), { clock: fastClock() })).retryable).toBe(true);
  expect(api.requests.length).toBe(3);
});

test.each([400, 401, 403, 404, 410, 422, 202, 206, 304])('an answer %i is not asked for again', async (status) => {
  const api = await serve((_, response) => response.writeHead(status).end(status === 304 ? undefined : 'said so'));
  const failure = await failureOf(sourceOf({ url: api.url }));
  expect(failure).toMatchObject({ kind: 'answer', retryable: false });
  expect(failure.message).toContain(`answered ${status}`);
  expect(api.requests.length).toBe(1);
});

test('JSON that never comes whole is an error that shows what came', async () => {
  const api = await serveBodies(`<html>${' please log in'.repeat(100)}`);
  const failure = await failureOf(sourceOf({ url: api.url }), { clock: fastClock() });
  expect(failure).toMatchObject({ kind: 'answer', retryable: true });
  expect(failure.message).toContain('answered 200 with no whole JSON: <html> please log in');
  expect(failure.message.length).toBeLessThan(500);
});

test('a host that is not there is asked again, and is unreachable then', async () => {
  const refused = await failureOf(sourceOf({ url: 'http://127.0.0.1:1/x' }), { clock: fastClock() });
  expect(refused).toMatchObject({ kind: 'unreachable', retryable: true });
  expect(refused.message).toContain('ECONNREFUSED 127.0.0.1:1; given up after 8 tries');
  const resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND api.example'));
  const unknown = await failureOf(sourceOf({ url: 'http://api.example/x' }), { clock: fastClock(), resolve });
  expect(unknown).toMatchObject({ kind: 'unreachable', retryable: true });
  expect(unknown.message).toContain('ENOTFOUND');
});

test('a page of more than 64 MiB is refused: announced, or packed into little', { timeout: 30_000 }, async () => {
  const bomb = gzipSync(Buffer.alloc(80 * 1_024 * 1_024, ' '), { level: 1 });
  expect(bomb.length).toBeLessThan(1_000_000);
  const packed = await serve((_, response) => response.setHeader('content-encoding', 'gzip').end(bomb));
  const announced = await serve((_, response) =>
    response.writeHead(200, { 'content-length': 70 * 1_024 * 1_024 }).write('['),
  );
  for (const { url, requests } of [packed, announced]) {
    const failure = await failureOf(sourceOf({ url }));
    expect(failure).toMatchObject({ kind: 'limit', retryable: false });
    expect(failure.message).toContain('larger than 64 MiB');
    expect(requests.length).toBe(1);
  }
});

test('a page of endless chunks is read no further than its bound', { timeout: 30_000 }, async () => {
  const chunk = Buffer.alloc(1_048_576, ' ');
  let sent = 0;
  const api = await serve((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) sent += 1;
      sent += 1;
    };
    response.on('drain', more);
    more();
  });
  expect(await failureOf(sourceOf({ url: api.url }))).toMatchObject({ kind: 'limit' });
  expect(sent).toBeLessThan(100);
});

test('a coding that nobody asked for is an error, and a damaged one is asked for again', async () => {
  const zstd = await serve((_, response) => response.setHeader('content-encoding', 'zstd').end('x'));
  expect(await failureOf(sourceOf({ url: zstd.url }))).toMatchObject({ kind: 'answer', retryable: false });
  const whole = gzipSync('[1]');
  let asked = 0;
  const cut = await serve((_, response) => {
    asked += 1;
    response.setHeader('content-encoding', 'gzip').end(asked > 2 ? whole : whole.subarray(0, 15));
  });
  const [page] = await fetchAll(sourceOf({ url: cut.url }), { clock: fastClock() });
  expect(page?.records).toBe(1);
});

test('the log tells of each page that is asked for again, without the secret', async () => {
  const lines: string[] = [];
  const log = createLogger('test', 'info', { write: (line) => void lines.push(line) });
  const faults = { 1: [{ kind: 'status', status: 500 }] } as const;
  const api = await startApi({ records: numbered(1), pagination: 'none', faults, auth });
  await fetchAll(api.source, { clock: fastClock(), log });
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('a page is asked for again');
  expect(lines[0]).toContain('answered 500');
  expect(lines[0]).not.toContain(SECRET);
});
