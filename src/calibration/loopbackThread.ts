import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** Answers the one question that the reader of objects asks, on a thread of its own: the parent has an engine to feed. */
export interface LoopbackData {
  /** By the name of their object. */
  objects: ReadonlyMap<string, { bytes: Uint8Array; crc32c: string }>;
  generation: string;
}

const { objects, generation } = workerData as LoopbackData;

const server = createServer((request, response) => {
  const [path = ''] = (request.url ?? '').split('?');
  const found = objects.get(path.split('/').at(-1) ?? '');
  if (found === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': found.bytes.length,
    'x-goog-generation': generation,
    'x-goog-hash': `crc32c=${found.crc32c}`,
    'x-goog-stored-content-encoding': 'identity',
  });
  response.end(found.bytes);
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
