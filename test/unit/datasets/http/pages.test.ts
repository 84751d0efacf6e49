import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { fetchPages } from '../../../../src/datasets/http/index.js';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import type { FlakyPagination } from '../../../system/flakyApi.js';
import {
  failureOf,
  fetchAll,
  ids,
  idsOf,
  numbered,
  optionsOf,
  SECRET,
  serve,
  serveBodies,
  sourceOf,
  startApi,
} from './fetching.js';

const KINDS: readonly FlakyPagination[] = ['none', 'page', 'offset', 'cursor', 'next-link', 'link-header'];

test.each(KINDS)('with pagination %s every record comes once', async (pagination) => {
  const api = await startApi({ records: numbered(25), pagination, pageSize: 10 });
  const pages = await fetchAll(api.source);
  expect(idsOf(pages)).toEqual(ids(25));
  expect(pages.map(({ number }) => number)).toEqual(ids(pages.length));
  expect(pages.reduce((sum, { records = 0 }) => sum + records, 0)).toBe(25);
  expect(pages.at(-1)?.next).toBeUndefined();
  for (const { body, sha256 } of pages) expect(sha256).toBe(createHash('sha256').update(body).digest('hex'));
});

test.each(KINDS)('with pagination %s an API without records has one page', async (pagination) => {
  const api = await startApi({ records: [], pagination });
  const pages = await fetchAll(api.source);
  expect(pages.map(({ records, next }) => [records, next])).toEqual([[0, undefined]]);
});

test.each(KINDS)(
  'with pagination %s another fetch goes on from any page, over a position of JSON',
  async (pagination) => {
    const api = await startApi({ records: numbered(45), pagination, pageSize: 10 });
    const pages = await fetchAll(api.source);
    for (const { next, number } of pages) {
      if (next === undefined) continue;
      const text = JSON.stringify(next);
      expect(text.length).toBeLessThan(4_096);
      const rest = await fetchAll(api.source, { from: JSON.parse(text) as typeof next });
      expect(idsOf(rest)).toEqual(ids(45).slice(number * 10));
      expect(rest[0]?.number).toBe(number + 1);
    }
  },
);

test('a page is asked for when it is wanted, and not before', async () => {
  const api = await startApi({ records: numbered(45), pageSize: 10 });
  for await (const page of fetchPages(api.source, optionsOf())) {
    expect(api.requests.length).toBe(page.number);
    if (page.number === 2) break;
  }
  expect(api.requests.length).toBe(2);
});

test('pages share a connection, which is closed when nobody wants more', async () => {
  const api = await serve(({ url = '' }, response) => response.end(`[${url.length},"${url}"]`));
  for await (const { number } of fetchPages(sourceOf({ url: api.url, pagination: { type: 'page' } }), optionsOf()))
    if (number === 3) break;
  expect(new Set(api.requests.map(({ socket }) => socket)).size).toBe(1);
  await expect.poll(api.connections).toBe(0);
});

test('an API that gives fewer records than it is asked for loses none', async () => {
  for (const pagination of ['offset', 'page', 'cursor'] as const) {
    const api = await startApi({ records: numbered(25), pagination, pageSize: 10, mostPageSize: 7 });
    expect(idsOf(await fetchAll(api.source))).toEqual(ids(25));
  }
});

test('records come byte for byte: no number is rounded', async () => {
  const body = '{"items":[{"id":12345678901234567890,"x":1.10e2,"ü":"\\u00fc"}]}\n';
  const api = await serveBodies(body);
  const [page] = await fetchAll(sourceOf({ url: api.url, records: 'items' }));
  expect(page?.body.toString('utf8')).toBe(body);
  expect(page?.records).toBe(1);
});

test('a cursor that no double holds leads on exactly', async () => {
  const api = await startApi({ records: numbered(5), pagination: 'cursor', pageSize: 1, bigCursor: true });
  const pages = await fetchAll(api.source);
  expect(pages.map(({ next }) => next?.next)).toEqual([
    ...[4, 5, 6, 7].map((digit) => `900719925474099${digit}`),
    undefined,
  ]);
  expect(idsOf(pages)).toEqual(ids(5));
});

test.each(['null', 'false', '""', '0'])('a cursor that is %s ends it', async (cursor) => {
  const api = await serveBodies(`{"next":${cursor},"items":[1]}`);
  const source = sourceOf({ url: api.url, records: 'items', pagination: { type: 'cursor', next: 'next' } });
  expect((await fetchAll(source)).length).toBe(1);
});

test('a cursor that is a list or true is an error', async () => {
  const api = await serveBodies(`{"next":true,"items":[1]}`);
  const source = sourceOf({ url: api.url, records: 'items', pagination: { type: 'cursor', next: 'next' } });
  expect(await failureOf(source)).toMatchObject({ kind: 'answer', retryable: false });
});

test('a key with dots in it is found, as OData writes its links', async () => {
  const api = await serve(({ url = '', headers }, response) => {
    const next = url.includes('skip') ? null : `http://${headers.host}/records?skip=1`;
    response.end(JSON.stringify({ '@odata.nextLink': next, d: { results: [{ id: url.includes('skip') ? 2 : 1 }] } }));
  });
  const pagination = { type: 'next-link', next: '@odata.nextLink' };
  expect(idsOf(await fetchAll(sourceOf({ url: api.url, records: 'd.results', pagination })))).toEqual([1, 2]);
});

test('relative links are resolved, in JSON and in the header Link', async () => {
  const api = await serve(({ url = '' }, response) => {
    const isFirst = !url.includes('p=2');
    if (isFirst) response.setHeader('link', '</x>; rel="prev", <?p=2>; title="a, b"; rel="last next"');
    response.end(JSON.stringify({ next: isFirst ? '/records?p=2' : undefined, items: [{ id: isFirst ? 1 : 2 }] }));
  });
  const source = { url: api.url, records: 'items' };
  const byLink = sourceOf({ ...source, pagination: { type: 'next-link', next: 'next' } });
  const byHeader = sourceOf({ ...source, pagination: { type: 'link-header' } });
  expect(idsOf(await fetchAll(byLink))).toEqual([1, 2]);
  expect(idsOf(await fetchAll(byHeader))).toEqual([1, 2]);
});

test('a list of null is empty, and a list that is not there is an error, on any page', async () => {
  const pagination = { type: 'page' };
  const empty = await serveBodies('{"items":[1]}', '{"items":null}');
  expect(
    (await fetchAll(sourceOf({ url: empty.url, records: 'items', pagination }))).map(({ records }) => records),
  ).toEqual([1, 0]);
  const wrong = await serveBodies('{"items":[1]}', '{"error":"quota"}');
  const failure = await failureOf(sourceOf({ url: wrong.url, records: 'items', pagination }));
  expect(failure).toMatchObject({ kind: 'answer', retryable: false });
  expect(failure.message).toContain('page=2#page=2: answered 200 with no list at items: {"error":"quota"}');
});

test('204 is an empty page, and a byte order mark before JSON is none of its business', async () => {
  const api = await serve(({ url = '' }, response) =>
    url.includes('page=1') ? response.end('\uFEFF[1,2]') : response.writeHead(204).end(),
  );
  const pages = await fetchAll(sourceOf({ url: api.url, pagination: { type: 'page' } }));
  expect(pages.map(({ records, body }) => [records, body.length])).toEqual([
    [2, 8],
    [0, 0],
  ]);
});

test.each(['csv', 'ndjson'] as const)(
  '%s ends with a page without a record, be there a header or not',
  async (format) => {
    const api = await startApi({ records: numbered(25), format, pageSize: 10 });
    const pages = await fetchAll(api.source, { format: formatSchema.parse({ type: format }) });
    expect(pages.map(({ body }) => body.toString().split('\n').length - 1)).toEqual(
      format === 'csv' ? [11, 11, 6, 1] : [10, 10, 5, 0],
    );
  },
);

test('bodies are decoded, whatever coding they came in', async () => {
  const body = Buffer.from('[{"id":1}]');
  const codings: [string, Buffer][] = [
    ['gzip', gzipSync(body)],
    ['x-gzip', gzipSync(body)],
    ['br', brotliCompressSync(body)],
    ['deflate', deflateSync(body)],
    ['deflate', deflateRawSync(body)],
    ['gzip, br', brotliCompressSync(gzipSync(body))],
    ['identity', body],
  ];
  for (const [coding, coded] of codings) {
    const api = await serve((_, response) => response.setHeader('content-encoding', coding).end(coded));
    const [page] = await fetchAll(sourceOf({ url: api.url }));
    expect(page?.body).toEqual(body);
  }
});

test('what a run is for is filled in and encoded, in address, query and body', async () => {
  const asked: string[] = [];
  const api = await serve((request, response) => {
    request.setEncoding('utf8').on('data', (chunk: string) => asked.push(chunk));
    request.on('end', () => response.end('[]'));
  });
  const since = '2024-01-01T00:00:00+02:00';
  const source = sourceOf({
    url: `${api.url}/{{ date }}?from={{since}}`,
    method: 'POST',
    query: { until: '{{until}}', n: 3 },
    body: { where: [{ at: 'since {{since}}', n: 12 }] },
  });
  await fetchAll(source, { variables: { since, until: 'a&b=c', date: '2024/01' } });
  const [request] = api.requests;
  expect(request?.url).toBe('/records/2024%2F01?from=2024-01-01T00%3A00%3A00%2B02%3A00&until=a%26b%3Dc&n=3');
  expect(request?.headers['content-type']).toBe('application/json');
  expect(asked.join('')).toBe(`{"where":[{"at":"since ${since}","n":12}]}`);
});

test('a placeholder that is not known, or has no value, is an error before anything is asked', async () => {
  const api = await serveBodies('[]');
  for (const fields of [{ url: `${api.url}?x={{sinc}}` }, { query: { x: '{{since}}' } }, { body: ['{{ }}'] }]) {
    const failure = await failureOf(sourceOf({ url: api.url, method: 'POST', ...fields }));
    expect(failure).toMatchObject({ kind: 'refused', retryable: false });
  }
  expect(api.requests).toEqual([]);
});

test('more pages than maxPages are an error after those', async () => {
  const api = await startApi({ records: numbered(50), pageSize: 10 });
  const seen: number[] = [];
  const failing = (async () => {
    const source = { ...api.source, maxPages: 3 };
    for await (const { number } of fetchPages(source, optionsOf())) seen.push(number);
  })();
  await expect(failing).rejects.toMatchObject({ kind: 'limit', retryable: false });
  expect(seen).toEqual([1, 2, 3]);
});

test('a page with other fields comes like any other', async () => {
  const change = { fromPage: 2, rename: { name: 'title' }, add: { extra: true } };
  const api = await startApi({ records: numbered(20), pageSize: 10, change });
  const [first, second] = await fetchAll(api.source);
  expect(first?.body.toString()).toContain('"name":"n1"');
  expect(second?.body.toString()).toContain('"title":"n11","extra":true');
});

test('the name of a page holds no secret and has a bound', async () => {
  const api = await startApi({
    records: numbered(3),
    pageSize: 2,
    auth: { type: 'query', parameter: 'k', value: SECRET },
  });
  const long = 'x'.repeat(900);
  const source = { ...api.source, query: { pageToken: 'abcdefghij', Signature: 'klmnopqrst', filter: long } };
  const pages = await fetchAll(source);
  expect(pages.map(({ source: name }) => name.length)).toEqual(pages.map(() => 500));
  for (const { source: name, number } of pages) {
    expect(name).toMatch(new RegExp(`^${api.url}\\?pageToken=\\*\\*\\*&Signature=\\*\\*\\*&filter=x+#page=${number}$`));
    expect(name).not.toMatch(/abcdefghij|klmnopqrst|[?&]k=/);
  }
});

test('an abort ends it with the reason of the signal', async () => {
  const api = await serve(() => undefined);
  const stop = new AbortController();
  const failing = fetchAll(sourceOf({ url: api.url }), { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('the worker stops')), 50);
  await expect(failing).rejects.toThrow('the worker stops');
});
