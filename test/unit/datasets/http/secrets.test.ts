import { expect, test } from 'vitest';
import type { FlakyAuth } from '../../../system/flakyApi.js';
import {
  failureOf,
  fastClock,
  fetchAll,
  idsOf,
  numbered,
  SECRET,
  serve,
  serveBodies,
  sourceOf,
  startApi,
} from './fetching.js';

const AUTHS: readonly FlakyAuth[] = [
  { type: 'bearer', value: SECRET },
  { type: 'basic', user: 'shop', value: SECRET },
  { type: 'header', header: 'X-Api-Key', value: SECRET },
  { type: 'query', parameter: 'api_key', value: SECRET },
];
/** As an answer may write it. */
const FORMS = [
  SECRET,
  encodeURIComponent(SECRET),
  SECRET.replaceAll('/', '\\/'),
  Buffer.from(SECRET).toString('base64'),
];
const PAIR = Buffer.from(`shop:${SECRET}`).toString('base64');

/** As a manifest has it. */
function named(auth: FlakyAuth): Record<string, unknown> {
  const { value, ...rest } = auth;
  return { ...rest, secret: value === '' ? 'NONE' : 'SHOP_TOKEN' };
}

test.each(AUTHS)('an API that wants $type gets it, on every page', async (auth) => {
  for (const pagination of ['page', 'next-link'] as const) {
    const api = await startApi({ records: numbered(25), pageSize: 10, auth, pagination });
    const pages = await fetchAll(api.source);
    expect(idsOf(pages).length).toBe(25);
    // The API repeats in its links what it was asked with.
    for (const { source, next } of pages)
      for (const form of FORMS) expect(source + JSON.stringify(next)).not.toContain(form);
  }
});

test.each(AUTHS)('a refusal of $type holds no form of the secret, though the API repeats it', async (auth) => {
  const api = await serve(({ url = '', headers }, response) => {
    const told = [url, JSON.stringify(headers), ...FORMS].join(' ');
    response.writeHead(401).end(told);
  });
  const source = sourceOf({ url: api.url, auth: named(auth) });
  const { message, stack, ...rest } = await failureOf(source);
  expect(message).toContain('answered 401');
  expect(message).toContain('***');
  for (const form of [...FORMS, PAIR]) expect(`${message} ${stack} ${JSON.stringify(rest)}`).not.toContain(form);
});

test('a secret that is empty, or that no header can hold, is an error before anything is asked', async () => {
  const api = await serveBodies('[]');
  for (const [auth, value] of [
    [{ type: 'query', parameter: 'k', secret: 'S' }, ''],
    [{ type: 'bearer', secret: 'S' }, 'value\n'],
  ] as const) {
    const failure = await failureOf(sourceOf({ url: api.url, auth }), { secrets: () => value });
    expect(failure).toMatchObject({ kind: 'refused', retryable: false });
    expect(failure.message).not.toContain('value');
  }
  expect(api.requests).toEqual([]);
});

test('what would be stored with the secret in it is refused', async () => {
  const api = await serveBodies(JSON.stringify({ next: `?c=${encodeURIComponent(SECRET)}`, items: [1] }));
  const source = { url: api.url, records: 'items', pagination: { type: 'next-link', next: 'next' } };
  const failure = await failureOf(sourceOf({ ...source, auth: { type: 'bearer', secret: 'S' } }));
  expect(failure.kind).toBe('refused');
  expect(failure.message).not.toContain(encodeURIComponent(SECRET));
});

test('what a manifest has under the name of a secret is not repeated', async () => {
  const api = await serve(({ url = '' }, response) => response.writeHead(403).end(url));
  const headers = { 'X-Auth-Token': 'plain-header-1' };
  const failure = await failureOf(
    sourceOf({ url: `${api.url}?sig=plain-in-url-2`, query: { apiKey: 'plain-query-3' }, headers }),
  );
  expect(failure.message).not.toMatch(/plain/);
});

test.each(['host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Proxy-Authorization'])(
  'a manifest can not say the header %s',
  async (name) => {
    const api = await serveBodies('[]');
    const failure = await failureOf(sourceOf({ url: api.url, headers: { [name]: 'x' } }));
    expect(failure.kind).toBe('refused');
    expect(api.requests).toEqual([]);
  },
);

test('headers of the manifest are sent, in place of those that are usual', async () => {
  const api = await serveBodies('[]');
  await fetchAll(sourceOf({ url: api.url, headers: { Accept: 'application/vnd.shop+json', 'X-Shop': '7' } }));
  expect(api.requests[0]?.headers).toMatchObject({
    accept: 'application/vnd.shop+json',
    'x-shop': '7',
    'user-agent': 'penstock',
    'accept-encoding': 'gzip, br, deflate',
  });
});

test('neither a secret nor a header of the manifest goes to another host', async () => {
  const other = await serveBodies('[{"id":1}]');
  const api = await serve((_, response) => response.writeHead(302, { location: `${other.url}?signed=1` }).end());
  for (const auth of AUTHS) {
    const source = sourceOf({ url: api.url, auth: named(auth), headers: { 'X-Shop': '7' } });
    expect(idsOf(await fetchAll(source, { clock: fastClock() }))).toEqual([1]);
  }
  for (const { url, headers } of other.requests) {
    expect(url).toBe('/records?signed=1');
    expect(Object.keys(headers).toSorted()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  }
  expect(other.requests.length).toBe(4);
});

test('back at the first host a chain of redirects has lost what it left behind', async () => {
  const other = await serve((_, response) => response.writeHead(302, { location: `${api.url}/back` }).end());
  const api = await serve(({ url = '' }, response) =>
    url.endsWith('/back') ? response.end('[]') : response.writeHead(302, { location: other.url }).end(),
  );
  await fetchAll(sourceOf({ url: api.url, auth: { type: 'bearer', secret: 'S' } }));
  expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${SECRET}`, undefined]);
});
