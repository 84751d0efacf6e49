import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type Config } from '../../../src/config/index.js';
import { createAccess, type Asked } from '../../../src/console/access.js';
import { openSession, sealSession, SESSION_MS } from '../../../src/console/session.js';

const VIEWER = 'v'.repeat(40);
const OPERATOR = 'o'.repeat(40);
const LOGINS = `viewer:vera:${VIEWER},operator:otto:${OPERATOR}`;
const NOW = Date.parse('2026-01-31T12:00:00Z');

const config = (environment: Record<string, string>): Config => loadConfig(environment);
const asked = (headers: Asked['headers'], method = 'GET'): Asked => ({ method, headers });

describe('logins', () => {
  const { PENSTOCK_CONSOLE_LOGINS: logins } = config({ PENSTOCK_CONSOLE_LOGINS: LOGINS });
  const access = createAccess(config({ PENSTOCK_CONSOLE_LOGINS: LOGINS, PENSTOCK_HTTP_HOST: '0.0.0.0' }), () => NOW);
  const session = (index: number): string => `penstock_session=${sealSession(logins[index] as never, NOW)}`;

  it('a key of a program, and a session, are whose they are', async () => {
    await expect(access.person(asked({ authorization: `Bearer ${OPERATOR}` }, 'POST'))).resolves.toEqual({
      ...{ name: 'otto', role: 'operator', by: 'key' },
    });
    await expect(access.person(asked({ cookie: `other=1; ${session(0)}` }))).resolves.toEqual({
      ...{ name: 'vera', role: 'viewer', by: 'cookie' },
    });
  });

  it('nobody, a wrong token, and a session that was touched or has ended are not let in', async () => {
    const [body, signature] = session(0).split('.');
    const forged = Buffer.from(JSON.stringify({ name: 'otto', until: NOW + 1e9 })).toString('base64url');
    const wrong = [
      {},
      { authorization: `Bearer ${'x'.repeat(40)}` },
      { cookie: `penstock_session=${forged}.${signature ?? ''}` },
      { cookie: `${body ?? ''}.` },
      { cookie: 'penstock_session=' },
    ];
    for (const headers of wrong)
      await expect(access.person(asked(headers)), JSON.stringify(headers)).rejects.toMatchObject({ status: 401 });
    const sealed = sealSession(logins[0] as never, NOW);
    expect(openSession(sealed, logins, NOW + SESSION_MS - 1)?.name).toBe('vera');
    expect(openSession(sealed, logins, NOW + SESSION_MS)).toBeUndefined();
  });

  it('a session ends with its token', () => {
    const sealed = sealSession(logins[0] as never, NOW);
    expect(openSession(sealed, logins.slice(1), NOW)).toBeUndefined();
  });

  it('what changes something by a cookie comes from the page itself; a key is no cookie', async () => {
    const cookie = session(1);
    const refused = [{ cookie }, { cookie, 'x-penstock-console': '1', 'sec-fetch-site': 'same-site' }];
    for (const headers of refused)
      await expect(access.person(asked(headers, 'POST'))).rejects.toMatchObject({ status: 403 });
    const fine = [
      { cookie, 'x-penstock-console': '1' },
      { cookie, 'x-penstock-console': '1', 'sec-fetch-site': 'same-origin' },
      { authorization: `Bearer ${OPERATOR}`, 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of fine) await expect(access.person(asked(headers, 'POST'))).resolves.toBeTruthy();
  });

  it('a login that can not be is refused by its position, and no token is repeated', () => {
    const wrong: [string, RegExp][] = [
      ['admin:a:b', /login 1 has none of the roles/],
      [`viewer:vera:${VIEWER},operator:otto:short`, /login 2 has a token/],
      ['viewer', /login 1 is not role:name:token/],
      [`viewer:a b:${VIEWER}`, /login 1 has a name/],
    ];
    for (const [logins, sentence] of wrong) expect(() => config({ PENSTOCK_CONSOLE_LOGINS: logins })).toThrow(sentence);
    expect(() => config({ PENSTOCK_CONSOLE_LOGINS: 'operator:otto:tooshort' })).not.toThrow(/tooshort/);
  });
});

describe('without logins', () => {
  it('is on loopback only, under its own names', async () => {
    expect(() => createAccess(config({ PENSTOCK_HTTP_HOST: '0.0.0.0' }))).toThrow(/would let anybody in on 0\.0\.0\.0/);
    const access = createAccess(config({ PENSTOCK_HTTP_HOST: '127.0.0.1' }));
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:80'])
      await expect(access.person(asked({ host }))).resolves.toMatchObject({ role: 'operator', by: 'loopback' });
    // A name of somebody else that leads here.
    for (const host of ['evil.example', 'localhost.evil.example:80', ''])
      await expect(access.person(asked({ host }))).rejects.toMatchObject({ status: 403 });
    await expect(access.person(asked({ host: 'localhost' }, 'POST'))).rejects.toMatchObject({ status: 403 });
    await expect(access.person(asked({ host: 'localhost', 'x-penstock-console': '1' }, 'POST'))).resolves.toMatchObject(
      { role: 'operator' },
    );
  });

  it('is for no proxy, and for no page of another site', async () => {
    const access = createAccess(config({ PENSTOCK_HTTP_HOST: '127.0.0.1' }));
    const host = 'localhost:8081';
    const wrong = [
      { forwarded: 'for=192.0.2.1' },
      { via: '1.1 proxy' },
      { 'x-forwarded-for': '192.0.2.1' },
      { 'x-forwarded-host': 'console.example.com' },
      { 'x-forwarded-proto': 'https' },
      { origin: 'https://evil.example' },
      { origin: 'http://localhost.evil.example:8081' },
      { origin: 'http://evil.example/localhost' },
      { origin: 'file://' },
      { origin: 'null' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of wrong)
      await expect(access.person(asked({ host, ...headers })), JSON.stringify(headers)).rejects.toMatchObject({
        status: 403,
      });
    const fine = [
      { origin: 'http://localhost:8081' },
      { origin: 'http://127.0.0.1' },
      { origin: 'http://[::1]:8081' },
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of fine)
      await expect(access.person(asked({ host, ...headers })), JSON.stringify(headers)).resolves.toBeTruthy();
  });

  it('with logins it is for a proxy', async () => {
    const access = createAccess(config({ PENSTOCK_CONSOLE_LOGINS: LOGINS }));
    const headers = { 'x-forwarded-for': '192.0.2.1', origin: 'https://console.example.com' };
    await expect(access.person(asked({ authorization: `Bearer ${VIEWER}`, ...headers }))).resolves.toBeTruthy();
  });
});

describe('behind a proxy', () => {
  const AUDIENCE = '/projects/1/global/backendServices/2';
  let server: ReturnType<typeof createServer>;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let environment: Record<string, string>;

  beforeAll(async () => {
    keys = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256' };
    server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    environment = {
      PENSTOCK_HTTP_HOST: '0.0.0.0',
      PENSTOCK_CONSOLE_PROXY_AUDIENCE: AUDIENCE,
      PENSTOCK_CONSOLE_PROXY_JWKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
      PENSTOCK_CONSOLE_OPERATORS: 'otto@example.com',
    };
  });
  afterAll(() => server.close());

  const token = (email: string, claims: { audience?: string; issuer?: string; expires?: string } = {}) =>
    new SignJWT({ email })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(claims.issuer ?? 'https://cloud.google.com/iap')
      .setAudience(claims.audience ?? AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(claims.expires ?? '5m')
      .sign(keys.privateKey);

  it('is whom its signed header names; who is no operator is a viewer', async () => {
    const access = createAccess(config(environment));
    const by = async (email: string) => access.person(asked({ 'x-goog-iap-jwt-assertion': await token(email) }));
    await expect(by('otto@example.com')).resolves.toEqual({ name: 'otto@example.com', role: 'operator', by: 'proxy' });
    await expect(by('vera@example.com')).resolves.toMatchObject({ role: 'viewer' });
  });

  it('nobody else: no header, another audience or issuer, an old token, another key, a name without a signature', async () => {
    const access = createAccess(config(environment));
    const other = await generateKeyPair('ES256');
    const forged = await new SignJWT({ email: 'otto@example.com' })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('https://cloud.google.com/iap')
      .setAudience(AUDIENCE)
      .setExpirationTime('5m')
      .sign(other.privateKey);
    const wrong: Asked['headers'][] = [
      {},
      { 'x-goog-iap-jwt-assertion': await token('otto@example.com', { audience: 'another' }) },
      { 'x-goog-iap-jwt-assertion': await token('otto@example.com', { issuer: 'another' }) },
      { 'x-goog-iap-jwt-assertion': await token('otto@example.com', { expires: '-5m' }) },
      { 'x-goog-iap-jwt-assertion': forged },
      { 'x-goog-authenticated-user-email': 'accounts.google.com:otto@example.com' },
    ];
    for (const headers of wrong) await expect(access.person(asked(headers))).rejects.toMatchObject({ status: 401 });
  });

  it('another site can not have it change something', async () => {
    const access = createAccess(config(environment));
    const header = { 'x-goog-iap-jwt-assertion': await token('otto@example.com') };
    await expect(access.person(asked(header, 'POST'))).rejects.toMatchObject({ status: 403 });
    await expect(access.person(asked({ ...header, 'x-penstock-console': '1' }, 'POST'))).resolves.toBeTruthy();
  });
});
