import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A storage API that answers as a test says; gone when the test ends. */
export interface StorageServer {
  endpoint: string;
  /** Requests so far. */
  requests: () => number;
  /** Connections that are open now. */
  connections: () => Promise<number>;
}

export const GENERATION = '1587627537231057';
/** What the API says about an object beside its bytes. */
export const OBJECT_HEADERS = { 'content-type': 'image/jpeg', 'x-goog-generation': GENERATION };

/** `answer` gets the name of the object, and how many requests for it came before. */
export async function startStorage(
  answer: (object: string, before: number, response: ServerResponse, request: IncomingMessage) => void,
): Promise<StorageServer> {
  const counts = new Map<string, number>();
  let requests = 0;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const object = decodeURIComponent(path.split('/o/')[1] ?? '');
    const before = counts.get(object) ?? 0;
    counts.set(object, before + 1);
    requests += 1;
    answer(object, before, response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
  };
}
