import { gzipSync } from 'node:zlib';
import { CRC32C } from '@google-cloud/storage';
import { describe, expect, it, test, vi } from 'vitest';
import { createObjectReader, type ReadOutcome, type StorageOptions } from '../../../src/storage/index.js';
import { GENERATION, OBJECT_HEADERS, startStorage } from './storageServer.js';

const BYTES = Buffer.from('the bytes of a picture');
const checksum = (bytes: Buffer): Record<string, string> => {
  const crc = new CRC32C();
  crc.update(bytes);
  return { 'x-goog-hash': `crc32c=${crc.toString()}`, 'x-goog-stored-content-encoding': 'identity' };
};

function readerOf(endpoint: string, options: Partial<StorageOptions> = {}): (object: string) => Promise<ReadOutcome> {
  const reader = createObjectReader({ endpoint, maxBytes: 1_000_000, timeoutMs: 60_000, idleMs: 300, ...options });
  return (object) => reader.read({ bucket: 'b', object, generation: GENERATION });
}

test.each(['stalls', 'closes'] as const)(
  'half an object whose server %s is a passing failure long before the limit',
  async (then) => {
    const { endpoint } = await startStorage((_object, _before, response) => {
      response.writeHead(200, { ...OBJECT_HEADERS, 'content-length': '100000' });
      response.write(Buffer.alloc(50_000), () => then === 'closes' && setTimeout(() => response.destroy(), 50));
    });
    const startedAt = performance.now();
    expect(await readerOf(endpoint)('half.jpg')).toMatchObject({ kind: 'retry', reason: 'DOWNLOAD_FAILED' });
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  },
);

describe('a read that is stopped', () => {
  it.each([
    ['too large', 'TOO_LARGE'],
    ['endless', 'TOO_LARGE'],
    ['a byte now and then', 'DOWNLOAD_TIMEOUT'],
    ['silent', 'DOWNLOAD_FAILED'],
  ])('closes its connection, and no other read notices: %s', async (object, reason) => {
    let sent = 0;
    const { endpoint, connections } = await startStorage((asked, _before, response) => {
      const more = (bytes: number): boolean => response.write(Buffer.alloc(bytes), () => (sent += bytes));
      const every = (ms: number, bytes: number): void => {
        const timer = setInterval(() => more(bytes), ms);
        response.on('close', () => clearInterval(timer));
      };
      if (asked === 'neighbour') {
        response.writeHead(200, { ...OBJECT_HEADERS, 'content-length': '2000' });
        more(1_000);
        setTimeout(() => response.end(Buffer.alloc(1_000)), 700);
        return;
      }
      response.writeHead(200, { ...OBJECT_HEADERS, ...(asked === 'too large' ? { 'content-length': 3e8 } : {}) });
      if (asked === 'endless') every(1, 65_536);
      else if (asked === 'a byte now and then') every(100, 1);
      else if (asked === 'too large') every(1, 65_536);
      else response.flushHeaders();
    });
    const read = readerOf(endpoint, { timeoutMs: 2_000, idleMs: 1_500, maxBytes: 500_000 });
    const stopsFirst = readerOf(endpoint, { timeoutMs: 500, idleMs: 300, maxBytes: 500_000 });
    const reader = object === 'too large' || object === 'endless' ? read : stopsFirst;
    const neighbour = read('neighbour');
    expect(await reader(object)).toMatchObject({ reason });
    expect(await neighbour).toMatchObject({ kind: 'bytes' });
    if (object === 'too large') expect(sent).toBeLessThan(3e6);
    await vi.waitFor(async () => expect(await connections()).toBeLessThanOrEqual(1), 2_000);
  });
});

describe('an answer of the storage API', () => {
  const answers: [string, number, Record<string, string>, object][] = [
    ['404', 404, {}, { kind: 'dead', reason: 'GONE' }],
    ['401', 401, {}, { kind: 'retry', reason: 'FORBIDDEN' }],
    ['403', 403, {}, { kind: 'retry', reason: 'FORBIDDEN', detail: 'answered 403: no access' }],
    ['a redirect', 302, { location: '/elsewhere' }, { kind: 'retry', reason: 'DOWNLOAD_FAILED' }],
    ['a page with 200', 200, {}, { kind: 'retry', reason: 'DOWNLOAD_FAILED' }],
    ['another generation', 200, { 'x-goog-generation': '7' }, { kind: 'retry', reason: 'DOWNLOAD_FAILED' }],
    [
      'a checksum of other bytes',
      200,
      { ...OBJECT_HEADERS, ...checksum(Buffer.from('others')) },
      { kind: 'retry', reason: 'DOWNLOAD_FAILED' },
    ],
    [
      'a 429 that asks for a long wait',
      429,
      { 'retry-after': '30' },
      { kind: 'retry', reason: 'DOWNLOAD_FAILED', detail: 'answered 429, Retry-After 30: no access' },
    ],
  ];
  it.each(answers)('is told of the image, and no second one is asked for: %s', async (_name, status, headers, told) => {
    const { endpoint, requests } = await startStorage((object, _before, response) => {
      if (object !== 'elsewhere') response.writeHead(status, headers).end('no  access\n');
    });
    expect(await readerOf(endpoint)('a.jpg')).toMatchObject(told);
    expect(requests()).toBe(1);
  });

  it.each([408, 429, 500, 503])('of %i is asked for three times before the image is handed back', async (status) => {
    const { endpoint, requests } = await startStorage((object, before, response) => {
      if (object === 'clears' && before === 2) response.writeHead(200, OBJECT_HEADERS).end(BYTES);
      else response.writeHead(status, { 'retry-after': '0' }).end();
    });
    const read = readerOf(endpoint);
    expect(await Promise.all([read('clears'), read('stays')])).toMatchObject([
      { kind: 'bytes', bytes: BYTES },
      { kind: 'retry', reason: status === 408 ? 'DOWNLOAD_TIMEOUT' : 'DOWNLOAD_FAILED' },
    ]);
    expect(requests()).toBe(6);
  });

  it('is asked for again on a new connection when the kept one is closed under the request', async () => {
    const { endpoint, requests } = await startStorage((object, before, response, request) => {
      if (object === 'second' && before === 0) request.socket.destroy();
      else response.writeHead(200, { ...OBJECT_HEADERS, ...checksum(BYTES) }).end(BYTES);
    });
    const read = readerOf(endpoint);
    expect(await read('first')).toMatchObject({ kind: 'bytes' });
    expect(await read('second')).toEqual({ kind: 'bytes', bytes: BYTES });
    expect(requests()).toBe(3);
  });

  it('that ends before its Content-Length, or after it, is no object', async () => {
    const { endpoint } = await startStorage((object, _before, response) => {
      const length = object === 'short' ? BYTES.length + 9 : BYTES.length - 9;
      response.socket?.end(
        Buffer.concat([
          Buffer.from(
            `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n${Object.entries({ ...OBJECT_HEADERS, ...checksum(BYTES) })
              .map(([name, value]) => `${name}: ${value}\r\n`)
              .join('')}\r\n`,
          ),
          BYTES,
        ]),
      );
    });
    const read = readerOf(endpoint);
    for (const object of ['short', 'long'])
      expect(await read(object)).toMatchObject({ kind: 'retry', reason: 'DOWNLOAD_FAILED' });
  });
});

describe('an object that is stored with Content-Encoding: gzip', () => {
  const packed = (bytes: Buffer): Record<string, string> => ({
    ...OBJECT_HEADERS,
    ...checksum(bytes),
    'content-encoding': 'gzip',
    'x-goog-stored-content-encoding': 'gzip',
  });

  it('is unpacked, and held to the limit when it is', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_001));
    const { endpoint } = await startStorage((object, _before, response, request) => {
      expect(request.headers['accept-encoding']).toBe('gzip');
      const bytes = object === 'bomb' ? bomb : gzipSync(BYTES);
      response.writeHead(200, packed(bytes)).end(bytes);
    });
    const read = readerOf(endpoint);
    expect(bomb.length).toBeLessThan(2_000);
    expect(await read('a.bmp')).toEqual({ kind: 'bytes', bytes: BYTES });
    expect(await read('bomb')).toMatchObject({ kind: 'dead', reason: 'TOO_LARGE' });
  });

  it('is taken as it is where the encoding is not true, and as it comes where the server unpacked it', async () => {
    const { endpoint } = await startStorage((object, _before, response) => {
      const headers = object === 'not packed' ? packed(BYTES) : packed(gzipSync(BYTES));
      if (object === 'unpacked') headers['content-encoding'] = 'identity';
      response.writeHead(200, headers).end(BYTES);
    });
    const read = readerOf(endpoint);
    for (const object of ['not packed', 'unpacked'])
      expect(await read(object)).toEqual({ kind: 'bytes', bytes: BYTES });
  });
});
