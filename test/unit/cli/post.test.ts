import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { post } from '../../../src/cli/demo/post.js';

const REQUEST = { path: '/events/gcs', headers: { 'content-type': 'application/json' }, body: '{"a":1}' };

/** Answers with the statuses in turn, then with 200. */
async function startReceiver(statuses: number[]): Promise<{ address: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(statuses.shift() ?? 200, { connection: 'close' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

test('an event that is refused with 503 is sent again, the same, until it is acknowledged', async () => {
  const { address, bodies } = await startReceiver([503, 503]);
  const signal = new AbortController().signal;
  expect(await post(() => address, REQUEST, signal)).toEqual({ retries: 2 });
  expect(bodies).toEqual([REQUEST.body, REQUEST.body, REQUEST.body]);
});

test('an event waits for intake that is down, and finds it at the address that it has then', async () => {
  const { address, bodies } = await startReceiver([]);
  const addresses = [undefined, 'http://127.0.0.1:1', address];
  const signal = new AbortController().signal;
  expect(await post(() => addresses.shift(), REQUEST, signal)).toEqual({ retries: 2 });
  expect(bodies).toHaveLength(1);
});

test('Ctrl-C ends the waiting', async () => {
  const stop = new AbortController();
  const posting = post(() => undefined, REQUEST, stop.signal);
  stop.abort(new Error('stopped'));
  await expect(posting).rejects.toThrow();
});
