import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import { createSenderCheck } from '../../../src/intake/sender.js';
import { binaryEvent, startIntake, type Rig } from './rig.js';

const AUDIENCE = 'https://intake.example.com/events';
const EMAIL = 'pusher@project.iam.gserviceaccount.com';
const STATIC = 'static-token-of-a-sender-of-ours-1';
const OTHER_STATIC = 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=';
let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let otherKeys: typeof keys;
let issuer: Server;
let asked = 0;

beforeAll(async () => {
  keys = await generateKeyPair('RS256');
  otherKeys = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  issuer = createServer((_request, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => issuer.close(resolve)));

function jwksUrl(): string {
  return `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/certs`;
}

function start(environment: Record<string, string> = {}): Promise<Rig> {
  return startIntake({
    PENSTOCK_INTAKE_OIDC_AUDIENCE: AUDIENCE,
    PENSTOCK_INTAKE_OIDC_JWKS_URL: jwksUrl(),
    PENSTOCK_INTAKE_OIDC_EMAILS: `other@x, ${EMAIL}`,
    ...environment,
  });
}

interface Token {
  key?: CryptoKey;
  kid?: string;
  issuer?: string;
  audience?: string;
  expires?: string | number;
  claims?: Record<string, unknown>;
}

function token(options: Token = {}): Promise<string> {
  return new SignJWT({ email: EMAIL, email_verified: true, ...options.claims })
    .setProtectedHeader({ alg: 'RS256', kid: options.kid ?? 'one' })
    .setIssuer(options.issuer ?? 'https://accounts.google.com')
    .setAudience(options.audience ?? AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(options.expires ?? '1h')
    .sign(options.key ?? keys.privateKey);
}

const withAuthorization = (authorization: string): ReturnType<typeof binaryEvent> => binaryEvent({}, { authorization });

describe('the sender', () => {
  it('is admitted with a token of the issuer for the audience, and its keys are asked for once', async () => {
    const { post, broker } = await start();
    const before = asked;
    for (const options of [{}, { issuer: 'accounts.google.com' }]) {
      const response = await post('/events/gcs', withAuthorization(`Bearer ${await token(options)}`));
      expect(response.statusCode).toBe(200);
    }
    expect(broker.log).toHaveLength(2);
    expect(asked - before).toBe(1);
  });

  const forged: [string, () => Promise<string>][] = [
    ['no token', () => Promise.resolve('')],
    ['another scheme', () => Promise.resolve('Basic dXNlcjpwYXNz')],
    ['nonsense', () => Promise.resolve('Bearer a.b.c')],
    ['a forged signature', async () => `Bearer ${await token({ key: otherKeys.privateKey })}`],
    ['a key that the issuer does not have', async () => `Bearer ${await token({ kid: 'two' })}`],
    ['an expired token', async () => `Bearer ${await token({ expires: Math.floor(Date.now() / 1000) - 60 })}`],
    ['another audience', async () => `Bearer ${await token({ audience: 'https://elsewhere' })}`],
    ['another issuer', async () => `Bearer ${await token({ issuer: 'https://evil.example' })}`],
    ['an unsigned token', async () => `Bearer ${unsigned(await token())}`],
  ];
  it.each(forged)('is answered 401 with %s, before its body is read', async (_name, authorization) => {
    const { post, broker, count } = await start({ PENSTOCK_INTAKE_MAX_BODY_BYTES: '1024' });
    const { headers } = withAuthorization(await authorization());
    const response = await post('/events/gcs', { headers, payload: 'x'.repeat(2_000) });
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(broker.log).toEqual([]);
    expect(await count('unauthorized')).toBe(1);
    expect(await count('too_large')).toBe(0);
  });

  it.each([
    ['an email that is not listed', { email: 'somebody@else.com' }],
    ['an email that is not verified', { email_verified: false }],
    ['no email', { email: undefined }],
  ])('is answered 403 with %s', async (_name, claims) => {
    const { post, broker, count } = await start();
    const response = await post('/events/pubsub', withAuthorization(`Bearer ${await token({ claims })}`));
    expect(response.statusCode).toBe(403);
    expect(broker.log).toEqual([]);
    expect(await count('forbidden')).toBe(1);
  });

  it('needs no listed email when none is configured', async () => {
    const { post } = await start({ PENSTOCK_INTAKE_OIDC_EMAILS: '' });
    const response = await post(
      '/events/gcs',
      withAuthorization(`Bearer ${await token({ claims: { email: 'any@x' } })}`),
    );
    expect(response.statusCode).toBe(200);
  });

  it('is answered 503 when the keys of the issuer can not be had: its token may be good', async () => {
    const broken = createServer((_request, response) => response.writeHead(500).end());
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void broken.close());
    const url = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    for (const address of [url, 'http://127.0.0.1:9/closed']) {
      const { post, count } = await start({ PENSTOCK_INTAKE_OIDC_JWKS_URL: address });
      const response = await post('/events/gcs', withAuthorization(`Bearer ${await token()}`));
      expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '5']);
      expect(await count('unavailable_keys')).toBe(1);
    }
  });

  it('may have a token for any of the audiences', async () => {
    const { post } = await start({ PENSTOCK_INTAKE_OIDC_AUDIENCE: `https://other.example, ${AUDIENCE}` });
    for (const [audience, status] of [
      [AUDIENCE, 200],
      ['https://other.example', 200],
      ['https://third.example', 401],
    ] as const) {
      const response = await post('/events/gcs', withAuthorization(`Bearer ${await token({ audience })}`));
      expect(response.statusCode).toBe(status);
    }
  });

  it('is never written to the log with its token', async () => {
    const { post, lines } = await start();
    const good = await token();
    await post('/events/gcs', withAuthorization(`Bearer ${good}`));
    await post('/events/gcs', withAuthorization(`Bearer ${good.slice(0, -4)}AAAA`));
    await post('/events/gcs', { headers: { authorization: `Bearer ${good}` }, payload: 'no event' });
    expect(lines.map(({ msg }) => msg)).toEqual(['accepted', 'sender refused', 'event refused']);
    expect(JSON.stringify(lines)).not.toContain(good.slice(0, 40));
  });

  it('is admitted with any of the static tokens, alone or beside those of Google', async () => {
    const lists = { PENSTOCK_INTAKE_BEARER_TOKENS: `${STATIC}, ${OTHER_STATIC}` };
    for (const environment of [lists, { ...lists, PENSTOCK_INTAKE_OIDC_AUDIENCE: '' }]) {
      const { post, broker } = await start(environment);
      for (const authorization of [`Bearer ${STATIC}`, `bearer ${OTHER_STATIC}`])
        expect((await post('/events/gcs', withAuthorization(authorization))).statusCode).toBe(200);
      expect(broker.log).toHaveLength(2);
    }
    const { post } = await start(lists);
    expect((await post('/events/gcs', withAuthorization(`Bearer ${await token()}`))).statusCode).toBe(200);
  });

  it.each([
    ['no token', ''],
    ['a token that is not listed', `Bearer ${STATIC.slice(0, -1)}2`],
    ['the beginning of one', `Bearer ${STATIC.slice(0, -1)}`],
    ['the whole list', `Bearer ${STATIC},${OTHER_STATIC}`],
    ['another scheme', `Basic ${STATIC}`],
  ])('is answered 401 where only static tokens are known, with %s', async (_name, authorization) => {
    const { post, broker, count, lines } = await start({
      PENSTOCK_INTAKE_OIDC_AUDIENCE: '',
      PENSTOCK_INTAKE_BEARER_TOKENS: `${STATIC},${OTHER_STATIC}`,
    });
    const response = await post('/events/pubsub', withAuthorization(authorization));
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(broker.log).toEqual([]);
    expect(await count('unauthorized')).toBe(1);
    expect(JSON.stringify(lines)).not.toContain(STATIC.slice(0, -1));
  });

  it('needs no token for health and metrics', async () => {
    const { http } = await start();
    for (const url of ['/healthz', '/readyz', '/metrics']) expect((await http.inject(url)).statusCode).toBe(200);
  });
});

describe('behind the IAM check of Cloud Run, which removes the signature', () => {
  const BEHIND = { PENSTOCK_INTAKE_OIDC_SIGNATURE: 'removed-by-cloud-run' };
  const removed = async (options?: Token): Promise<string> =>
    `Bearer ${(await token(options)).replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE')}`;

  it('a sender is admitted by the claims of its token, without the keys of the issuer', async () => {
    const { post, broker } = await start({ ...BEHIND, PENSTOCK_INTAKE_OIDC_JWKS_URL: 'http://127.0.0.1:9/closed' });
    expect((await post('/events/pubsub', withAuthorization(await removed()))).statusCode).toBe(200);
    expect(broker.log).toHaveLength(1);
  });

  const refused: [string, number, Token][] = [
    ['another audience', 401, { audience: 'https://elsewhere' }],
    ['another issuer', 401, { issuer: 'https://evil.example' }],
    ['an expired token', 401, { expires: Math.floor(Date.now() / 1000) - 60 }],
    ['another account', 403, { claims: { email: 'somebody@else.com' } }],
    ['an email that is not verified', 403, { claims: { email_verified: false } }],
  ];
  it.each(refused)('a sender with %s is answered %i', async (_name, status, options) => {
    const { post, broker } = await start(BEHIND);
    expect((await post('/events/gcs', withAuthorization(await removed(options)))).statusCode).toBe(status);
    expect(broker.log).toEqual([]);
  });

  it('a signature that is there is still verified', async () => {
    const { post } = await start(BEHIND);
    const good = withAuthorization(`Bearer ${await token()}`);
    const forgery = withAuthorization(`Bearer ${await token({ key: otherKeys.privateKey })}`);
    expect((await post('/events/gcs', good)).statusCode).toBe(200);
    expect((await post('/events/gcs', forgery)).statusCode).toBe(401);
  });

  it('is not believed unless it is configured, and then only with accounts that are listed', async () => {
    const { post } = await start();
    expect((await post('/events/gcs', withAuthorization(await removed()))).statusCode).toBe(401);
    const config = loadConfig({ ...BEHIND, PENSTOCK_INTAKE_OIDC_AUDIENCE: AUDIENCE });
    expect(() => createSenderCheck(config)).toThrow('PENSTOCK_INTAKE_OIDC_EMAILS');
  });
});

describe('without an audience', () => {
  it.each(['0.0.0.0', '::', '10.0.0.1', 'intake.example.com', '127.evil.example'])(
    'intake refuses to start on %s',
    (host) => {
      expect(() => createSenderCheck(loadConfig({ PENSTOCK_HTTP_HOST: host }))).toThrow(
        /^intake would take events from anybody on .*PENSTOCK_INTAKE_OIDC_AUDIENCE/,
      );
    },
  );

  it('intake starts anywhere with static tokens, and asks for one on loopback too', () => {
    for (const PENSTOCK_HTTP_HOST of ['0.0.0.0', '127.0.0.1'])
      expect(
        createSenderCheck(loadConfig({ PENSTOCK_HTTP_HOST, PENSTOCK_INTAKE_BEARER_TOKENS: STATIC })),
      ).toBeDefined();
  });

  it.each([
    ['is short', `${STATIC},0123456789012345678901234567890`],
    ['is long', `${STATIC},${'x'.repeat(513)}`],
    ['no header can carry', `${STATIC},${'x'.repeat(40)} y`],
  ])('a token that %s is refused by its place in the list, and not repeated', (_name, tokens) => {
    const load = (): unknown => loadConfig({ PENSTOCK_INTAKE_BEARER_TOKENS: tokens });
    expect(load).toThrow(/PENSTOCK_INTAKE_BEARER_TOKENS: token 2 is not made of 32 to 512 characters [^x]*$/);
    expect(load).not.toThrow(tokens.split(',')[1]);
  });

  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('intake starts on %s and asks for no token', (host) => {
    expect(createSenderCheck(loadConfig({ PENSTOCK_HTTP_HOST: host }))).toBeUndefined();
  });
});

/** The same claims under `alg: none`. */
function unsigned(jwt: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
  return `${header}.${jwt.split('.')[1] ?? ''}.AAAA`;
}
