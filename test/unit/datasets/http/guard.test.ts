import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isPublicAddress } from '../../../../src/datasets/http/addresses.js';
import { createGuard, type Resolver } from '../../../../src/datasets/http/guard.js';
import { failureOf, fetchAll, serve, sourceOf } from './fetching.js';

const PRIVATE_V4 = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255', '100.100.100.200'],
  ['127.0.0.0', '127.255.255.255'],
  ['168.63.129.16'],
  ['169.254.0.0', '169.254.169.254', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.192'],
  ['192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['224.0.0.1', '239.255.255.255'],
  ['240.0.0.1', '255.255.255.255'],
].flat();
const PUBLIC_V4 = ['1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.0.1', '172.32.0.0'];
const PRIVATE_V6 = [
  ['::', '::1', '::2', '::127.0.0.1', '::8.8.8.8'],
  ['fc00::1', 'fd00:ec2::254', 'fdff::1'],
  ['fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1'],
  ['ff02::1', 'ff0e::1'],
  ['64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '5f00::1', '4000::1'],
  ['::ffff:0:127.0.0.1'],
].flat();
const PUBLIC_V6 = ['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2001:4860:4860::8888'];

test('an address is public where IANA gives it to the internet, in every form', () => {
  const forms = (v4: string): string[] => [v4, `::ffff:${v4}`, `64:ff9b::${v4}`];
  const isPublic = (addresses: readonly string[]): string[] => addresses.filter(isPublicAddress);
  expect(isPublic([...PRIVATE_V4.flatMap(forms), ...PRIVATE_V6, '', 'x', '1.2.3', 'localhost'])).toEqual([]);
  const all = [...PUBLIC_V4.flatMap(forms), ...PUBLIC_V6];
  expect(isPublic(all)).toEqual(all);
});

const to =
  (...addresses: string[]): Resolver =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

test.each([
  'http://127.0.0.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://017700000001/',
  'http://0x7f.1/',
  'http://127.1/',
  'http://127.0.0.1./',
  'http://①②⑦.0.0.1/',
  'http://0/',
  'http://[::1]/',
  'http://[::]/',
  'http://[0:0:0:0:0:ffff:7f00:1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/latest/meta-data/',
  'http://[fd00:ec2::254]/',
])('the literal %s is refused, and no resolver is asked', async (url) => {
  const guard = createGuard([], () => Promise.reject(new Error('asked')));
  await expect(guard.addressesOf(new URL(url))).rejects.toMatchObject({ kind: 'refused', retryable: false });
});

test.each(['metadata.google.internal', 'METADATA.google.internal.', 'metadata', 'instance-data', 'metadata.goog'])(
  'the name %s is refused, whatever it resolves to',
  async (host) => {
    await expect(createGuard([], to('1.1.1.1')).addressesOf(new URL(`http://${host}/`))).rejects.toMatchObject({
      kind: 'refused',
    });
  },
);

test('a name is refused where one of its addresses is private', async () => {
  const url = new URL('https://api.example/x');
  for (const addresses of [['10.0.0.5'], ['1.1.1.1', '10.0.0.5'], ['2606:4700::1', '::ffff:10.0.0.5']])
    await expect(createGuard([], to(...addresses)).addressesOf(url)).rejects.toThrow(
      /api\.example is .*10\.0\.0\.5|a00:5/,
    );
  expect(await createGuard([], to('1.1.1.1', '2606:4700::1')).addressesOf(url)).toEqual([
    { address: '1.1.1.1', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ]);
});

test.each([
  ['http://api.internal/', ['api.internal'], true],
  ['http://API.internal.:8080/', ['Api.Internal'], true],
  ['http://api.internal:8080/', ['api.internal:8080'], true],
  ['http://api.internal:8081/', ['api.internal:8080'], false],
  ['https://api.internal/', ['api.internal:443'], true],
  ['http://api.internal/', ['api.internal:443'], false],
  ['http://xapi.internal/', ['api.internal'], false],
  ['http://api.internal/', ['10.0.0.0/24'], true],
  ['http://api.internal/', ['10.0.0.5'], true],
  ['http://api.internal/', ['10.0.1.0/24', '10.0.0.4/32'], false],
  ['http://10.0.0.5:99/', ['10.0.0.5:99'], true],
  ['http://[::1]:99/', ['[::1]:99'], true],
  ['http://[::1]/', ['::1/128'], true],
  ['http://[::ffff:10.0.0.5]/', ['10.0.0.0/8'], true],
  ['http://metadata.google.internal/', ['169.254.169.254/32'], false],
])('%s may be private where %j may: %s', async (url, allowed, expected) => {
  const asked = createGuard(allowed, to('10.0.0.5')).addressesOf(new URL(url));
  expect(await asked.then(Boolean, () => false)).toBe(expected);
});

test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', 'http://x', 'a b', '', '10.0.0.0/8/8'])(
  "'%s' can't be allowed: it is no host, address or network",
  (entry) => {
    expect(() => createGuard([entry])).toThrow('is no host, host:port, address or network');
  },
);

test('a redirect to what is private is refused before a connection', async () => {
  for (const location of [
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:7f00:2]/',
    'http://metadata.google.internal/',
  ]) {
    const api = await serve((_, response) => response.writeHead(302, { location }).end());
    const began = performance.now();
    const failure = await failureOf(sourceOf({ url: api.url }));
    expect(failure).toMatchObject({ kind: 'refused', retryable: false });
    expect(performance.now() - began).toBeLessThan(2_000);
  }
});

test('this machine is refused unless it is allowed', async () => {
  const api = await serve((_, response) => response.end('[]'));
  for (const url of [api.url, api.url.replace('127.0.0.1', 'localhost')]) {
    const failure = await failureOf(sourceOf({ url }), { allowPrivate: [] });
    expect(failure.message).toContain('no public address');
  }
  expect(api.requests).toEqual([]);
});

test('a name that resolves elsewhere the second time reaches nothing there, over a kept connection neither', async () => {
  const api = await serve((_, response) => response.end('[{"id":1}]'));
  const { port } = new URL(api.url);
  const inside: string[] = [];
  const secret = createServer((request, response) => {
    inside.push(request.url ?? '');
    response.end('[]');
  });
  await new Promise<void>((resolve) => secret.listen(Number(port), '127.0.0.2', resolve));
  onTestFinished(() => void secret.close());
  expect((secret.address() as AddressInfo).address).toBe('127.0.0.2');

  let asked = 0;
  const resolve: Resolver = (name) => {
    asked += 1;
    expect(name).toBe('rebind.example');
    return to(asked === 1 ? '127.0.0.1' : '127.0.0.2')(name);
  };
  const source = sourceOf({ url: `http://rebind.example:${port}/x`, pagination: { type: 'page' } });
  const failure = await failureOf(source, { resolve });
  expect(failure).toMatchObject({ kind: 'refused', retryable: false });
  expect(failure.message).toContain('rebind.example is 127.0.0.2');
  // Of the first answer the connection was made, without a question in between.
  expect(asked).toBe(2);
  expect(api.requests.map(({ headers }) => headers.host)).toEqual([`rebind.example:${port}`]);
  expect(inside).toEqual([]);
});

test('of several addresses one that does not answer costs no try', async () => {
  const api = await serve((_, response) => response.end('[]'));
  const { port } = new URL(api.url);
  const resolve = to('127.0.0.3', '127.0.0.1');
  const source = sourceOf({ url: `http://two.example:${port}/x` });
  const pages = await fetchAll(source, { resolve, allowPrivate: ['127.0.0.0/8'] });
  expect(pages.length).toBe(1);
  expect(api.requests.length).toBe(1);
});
