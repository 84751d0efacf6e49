import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createObjectLister } from '../../../src/storage/index.js';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const from = { bucket: 'b', prefix: 'p/', limit: 3 };

test.each([
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'missing'],
  [400, 'failed'],
])('an answer %i is %s', async (status, kind) => {
  const endpoint = await serve((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code: status, message: 'said so' } }));
  });
  expect(await createObjectLister({ endpoint }).list(from)).toEqual({ kind, detail: 'said so' });
});

test('a server that says nothing is a timeout within a bound', { timeout: 30_000 }, async () => {
  const endpoint = await serve(() => undefined);
  expect(await createObjectLister({ endpoint, timeoutMs: 200 }).list(from)).toMatchObject({ kind: 'timeout' });
});

test('a page comes after a name, without that name, over empty answers, and says whether it is the last', async () => {
  const asked: URLSearchParams[] = [];
  const pages: Record<string, unknown> = {
    '': { nextPageToken: 't1' },
    t1: { items: [{ name: 'p/ü#1' }, { name: 'p/ü#2' }], nextPageToken: 't2' },
  };
  const endpoint = await serve((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    asked.push(searchParams);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(pages[searchParams.get('pageToken') ?? '']));
  });
  const lister = createObjectLister({ endpoint });
  expect(await lister.list({ ...from, after: 'p/ü#1' })).toEqual({
    kind: 'page',
    resources: [{ name: 'p/ü#2' }],
    last: 'p/ü#2',
    isEnd: false,
  });
  expect(asked.map((one) => [one.get('startOffset'), one.get('maxResults'), one.get('prefix')])).toEqual([
    ['p/ü#1', '4', 'p/'],
    ['p/ü#1', '4', 'p/'],
  ]);
  pages[''] = {};
  expect(await lister.list(from)).toEqual({ kind: 'page', resources: [], last: undefined, isEnd: true });
});
