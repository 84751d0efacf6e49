import { expect, test } from 'vitest';
import { followLink, followRedirect } from '../../../../src/datasets/http/links.js';
import { failureOf, fetchAll, idsOf, SECRET, serve, sourceOf } from './fetching.js';

test('within its host a redirect keeps who asks', async () => {
  const api = await serve(({ url = '' }, response) =>
    url.startsWith('/records') ? response.writeHead(308, { location: '/v2?a=1' }).end() : response.end('[{"id":1}]'),
  );
  const source = sourceOf({
    url: api.url,
    auth: { type: 'query', parameter: 'k', secret: 'S' },
    headers: { 'X-Shop': '7' },
  });
  expect(idsOf(await fetchAll(source))).toEqual([1]);
  expect(api.requests[1]?.url).toBe(`/v2?a=1&k=${encodeURIComponent(SECRET)}`);
  expect(api.requests[1]?.headers['x-shop']).toBe('7');
});

test.each([301, 302, 303, 307, 308])('five redirects with %i are followed, and no sixth', async (status) => {
  const api = await serve(({ url = '' }, response) => {
    const left = Number(new URL(url, 'http://x').searchParams.get('left'));
    if (left === 0) response.end('[{"id":1}]');
    else response.writeHead(status, { location: `/records?left=${left - 1}` }).end();
  });
  expect(idsOf(await fetchAll(sourceOf({ url: `${api.url}?left=5` })))).toEqual([1]);
  expect(await failureOf(sourceOf({ url: `${api.url}?left=6` }))).toMatchObject({ kind: 'limit', retryable: false });
});

test('each redirect takes a turn at its host', async () => {
  const other = await serve((_, response) => response.end('[]'));
  const api = await serve((_, response) => response.writeHead(302, { location: other.url }).end());
  const taken: string[] = [];
  const pace = { take: (host: string) => Promise.resolve(void taken.push(host)) };
  await fetchAll(sourceOf({ url: api.url }), { pace });
  expect(taken).toEqual([api.host, other.host]);
});

test('a POST is redirected within its host by 307 and 308, with its body, and nowhere else', async () => {
  const bodies: string[] = [];
  const other = await serve((_, response) => response.end('[]'));
  let answer = { status: 307, location: '/v2' };
  const api = await serve((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${body}`);
      if (request.url === '/v2') response.end('[]');
      else response.writeHead(answer.status, { location: answer.location }).end();
    });
  });
  const source = sourceOf({ url: api.url, method: 'POST', body: { q: 1 } });
  await fetchAll(source);
  expect(bodies).toEqual(['POST /records {"q":1}', 'POST /v2 {"q":1}']);
  for (answer of [
    { status: 302, location: '/v2' },
    { status: 303, location: '/v2' },
    { status: 307, location: other.url },
  ])
    expect(await failureOf(source)).toMatchObject({ kind: 'refused', retryable: false });
  expect(other.requests).toEqual([]);
});

test.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://user:pass@127.0.0.1/x'])(
  'a redirect to %s is refused',
  async (location) => {
    const api = await serve((_, response) => response.writeHead(302, { location }).end());
    const failure = await failureOf(sourceOf({ url: api.url }));
    expect(failure).toMatchObject({ kind: 'refused', retryable: false });
    expect(failure.message).not.toContain('pass@');
  },
);

test('a redirect that says nowhere is no page', async () => {
  const api = await serve((_, response) => response.writeHead(302).end());
  expect(await failureOf(sourceOf({ url: api.url }))).toMatchObject({ kind: 'answer', retryable: false });
});

test('a link to the next page on another host is refused', async () => {
  for (const next of ['http://127.0.0.1:9/x', 'https://127.0.0.1/x', 'http://example.com/', '//example.com/x']) {
    const api = await serve((_, response) => response.end(JSON.stringify({ next, items: [1] })));
    const pagination = { type: 'next-link', next: 'next' };
    const failure = await failureOf(sourceOf({ url: api.url, records: 'items', pagination }));
    expect(failure).toMatchObject({ kind: 'refused', retryable: false });
    expect(failure.message).toContain('links are followed on one host');
  }
});

test('from https nothing leads to http: a link of the same host is taken as https, a redirect is refused', () => {
  const source = new URL('https://api.example/v1/x');
  expect(followLink('http://api.example/v1/x?p=2', source, source).href).toBe('https://api.example/v1/x?p=2');
  const behindPort = new URL('https://api.example:8443/v1');
  expect(followLink('http://api.example/v1?p=2', behindPort, behindPort).href).toBe('https://api.example:8443/v1?p=2');
  expect(() => followLink('http://api.example:8080/v1', source, source)).toThrow('one host');
  expect(() => followRedirect('http://api.example/v1', source)).toThrow('from https to http://api.example');
  const plain = new URL('http://api.example/v1');
  expect(followRedirect('https://api.example/v1', plain).href).toBe('https://api.example/v1');
});
