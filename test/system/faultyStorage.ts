import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

/** What a faulty storage does with a download; `go` hands the request on to the real one, under another path if given. */
export type Fault = (response: ServerResponse, go: (path?: string) => void, generation: string) => void | Promise<void>;

/** A storage API that fails for some objects, before a real one. */
export interface FaultyStorage {
  endpoint: string;
  /** From now on downloads of this object get `fault`; the first `times` of them alone, if given. */
  fail(object: string, fault: Fault, times?: number): void;
  /** Requests for an object, and bytes of its answers that have been handed to the system. */
  served(object: string): { requests: number; bytes: number };
  /** Answers that are under way. */
  open(): number;
  close(): Promise<void>;
}

export async function startFaultyStorage(upstream: string): Promise<FaultyStorage> {
  const faults = new Map<string, { fault: Fault; times: number }>();
  const counts = new Map<string, { requests: number; bytes: number }>();
  const open = new Set<ServerResponse>();
  const countOf = (object: string): { requests: number; bytes: number } => {
    const count = counts.get(object) ?? { requests: 0, bytes: 0 };
    counts.set(object, count);
    return count;
  };
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '/', upstream);
    const object = decodeURIComponent(url.pathname.split('/o/')[1] ?? '');
    const count = countOf(object);
    count.requests += 1;
    open.add(response);
    const { socket } = incoming;
    const before = socket.bytesWritten;
    response.on('close', () => {
      open.delete(response);
      count.bytes += socket.bytesWritten - before;
    });
    const go = (path = incoming.url ?? '/'): void => pass(new URL(path, upstream), incoming, response);
    const found = faults.get(object);
    if (found === undefined || found.times < count.requests) go();
    else void found.fault(response, go, url.searchParams.get('generation') ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail: (object, fault, times = Infinity) => void faults.set(object, { fault, times }),
    served: (object) => ({ ...countOf(object) }),
    open: () => open.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pass(url: URL, incoming: IncomingMessage, response: ServerResponse): void {
  const headers = { ...incoming.headers, host: url.host };
  const upstream = forward(url, { method: incoming.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  incoming.pipe(upstream);
}

const objectHeaders = (generation: string): Record<string, string> => ({
  'content-type': 'image/jpeg',
  'x-goog-generation': generation,
});

/** A status and nothing of the object. */
export const status =
  (code: number, headers: Record<string, string> = {}, body = `{"error":{"code":${code}}}`): Fault =>
  (response) =>
    void response.writeHead(code, headers).end(body);

/** Half of what was announced, then the connection is gone. */
export const half =
  (bytes: Buffer): Fault =>
  (response, _go, generation) => {
    response.writeHead(200, { ...objectHeaders(generation), 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length >> 1), () => setTimeout(() => response.destroy(), 20));
  };

/** All of it, under a length that is too small. */
export const cut =
  (bytes: Buffer, checksum: string): Fault =>
  (response, _go, generation) => {
    const headers = { ...objectHeaders(generation), 'x-goog-stored-content-encoding': 'identity' };
    const length = bytes.length - 100;
    response.writeHead(200, { ...headers, 'content-length': length, 'x-goog-hash': `crc32c=${checksum}` });
    response.end(bytes.subarray(0, length));
  };

/** One byte a second. */
export const drip: Fault = (response, _go, generation) => {
  response.writeHead(200, { ...objectHeaders(generation), 'content-length': 100_000 });
  const timer = setInterval(() => response.write('x'), 1_000);
  response.on('close', () => clearInterval(timer));
};

/** So many bytes of nothing, as fast as they are taken; announced, or without a word of how many. */
export const zeros =
  (bytes: number, announced: boolean): Fault =>
  (response, _go, generation) => {
    response.writeHead(200, { ...objectHeaders(generation), ...(announced ? { 'content-length': bytes } : {}) });
    const block = Buffer.alloc(65_536);
    let left = bytes;
    const source = new Readable({
      read() {
        this.push(left <= 0 ? null : block.subarray(0, Math.min(left, block.length)));
        left -= block.length;
      },
    });
    response.on('close', () => source.destroy());
    source.pipe(response);
  };
