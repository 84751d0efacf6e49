import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { residentMb, startRole, type RoleProcess } from './roleProcess.js';

/** Clients that mean no good, or are merely slow and many, against an intake that asks for tokens. */

/** Nobody reads it. */
const LANE = 'hostile-clients';
const AUDIENCE = 'https://intake.example.com';
const ISSUER = 'https://accounts.google.com';
const EMAIL = 'pusher@project.iam.gserviceaccount.com';
const MAX_BODY_BYTES = 262_144;

let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let others: typeof keys;
let issuer: Server;
let intake: RoleProcess;
let good: string;
let port: number;

beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  others = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  issuer = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  intake = await startRole('intake', {
    PENSTOCK_LANES: LANE,
    PENSTOCK_DEFAULT_LANE: LANE,
    PENSTOCK_EXPRESS_LANE: LANE,
    PENSTOCK_INTAKE_OIDC_AUDIENCE: AUDIENCE,
    PENSTOCK_INTAKE_OIDC_JWKS_URL: `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/certs`,
    PENSTOCK_INTAKE_OIDC_EMAILS: EMAIL,
    PENSTOCK_HTTP_MAX_CONNECTIONS: '3000',
  });
  port = Number(new URL(intake.address).port);
  good = await token();
});

afterAll(async () => {
  await intake.stop();
  issuer.closeAllConnections();
  await new Promise((resolve) => issuer.close(resolve));
});

interface Claims {
  key?: CryptoKey | Uint8Array;
  alg?: string;
  issuer?: string;
  audience?: string;
  notBefore?: string;
  expires?: string;
  email?: string;
  verified?: boolean;
}

function token(claims: Claims = {}): Promise<string> {
  const { key = keys.privateKey, alg = 'RS256', email = EMAIL, verified = true } = claims;
  const jwt = new SignJWT({ email, email_verified: verified })
    .setProtectedHeader({ alg, kid: 'one' })
    .setIssuer(claims.issuer ?? ISSUER)
    .setAudience(claims.audience ?? AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(claims.expires ?? '1h');
  if (claims.notBefore) jwt.setNotBefore(claims.notBefore);
  return jwt.sign(key);
}

/** A push of one image, padded to so many bytes. */
function push(bytes = 0): string {
  const resource = {
    bucket: `no-such-bucket-${LANE}`,
    name: `${randomUUID()}.jpg`,
    generation: '1',
    timeCreated: new Date().toISOString(),
    contentType: 'image/jpeg',
  };
  const message = {
    messageId: randomUUID(),
    attributes: { eventType: 'OBJECT_FINALIZE' },
    data: Buffer.from(JSON.stringify(resource)).toString('base64'),
  };
  const body = JSON.stringify({ message, padding: '' });
  return body.replace('"padding":""', `"padding":"${'x'.repeat(Math.max(0, bytes - body.length))}"`);
}

async function post(authorization: string): Promise<number> {
  const headers = { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) };
  const signal = AbortSignal.timeout(20_000);
  return (await fetch(`${intake.address}/events/pubsub`, { method: 'POST', headers, body: push(), signal })).status;
}

const head = (headers: string, name = good): string =>
  `POST /events/pubsub HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${name}\r\ncontent-type: application/json\r\n${headers}\r\n\r\n`;
const whole = (body: string): string => `${head(`content-length: ${Buffer.byteLength(body)}`)}${body}`;

/** A connection and what came over it. */
interface Wire {
  socket: Socket;
  text: () => string;
  statuses: () => number[];
  /** Resolves when it is closed by whoever. */
  closed: Promise<void>;
}

function open(): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const statuses = (): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  const wire = { socket, text: () => text, statuses, closed };
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(wire));
    socket.once('error', () => resolve(wire));
  });
}

/** Waits until `count` answers came, or the connection is closed. */
async function answers(wire: Wire, count: number, withinMs = 20_000): Promise<number[]> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline && wire.statuses().length < count && !wire.socket.closed) await sleep(20);
  return wire.statuses();
}

/** One byte a second, for as long as the other side takes it. */
function drip(wire: Wire, text: string): void {
  let at = 0;
  const timer = setInterval(() => wire.socket.write(text[at++ % text.length] ?? ''), 1_000);
  wire.socket.once('close', () => clearInterval(timer));
}

const many = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

describe('a client of intake', () => {
  it('that is not who it should be is refused, whatever its token looks like', async () => {
    const publicKey = new TextEncoder().encode(await exportSPKI(keys.publicKey));
    const [, claims = ''] = good.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    const cases: [string, string, number][] = [
      ['no token', '', 401],
      ['another scheme', `Basic ${good}`, 401],
      ['nonsense', 'Bearer a.b.c', 401],
      ['a key of its own', `Bearer ${await token({ key: others.privateKey })}`, 401],
      ['alg none', `Bearer ${none}.${claims}.`, 401],
      ['alg none, with something signed', `Bearer ${none}.${claims}.AAAA`, 401],
      ['the public key as a secret', `Bearer ${await token({ key: publicKey, alg: 'HS256' })}`, 401],
      ['claims that were changed', `Bearer ${good.replace(claims, Buffer.from('{}').toString('base64url'))}`, 401],
      ['expired', `Bearer ${await token({ expires: '-2m' })}`, 401],
      ['not yet valid', `Bearer ${await token({ notBefore: '10m' })}`, 401],
      ['another issuer', `Bearer ${await token({ issuer: 'https://evil.example' })}`, 401],
      ['another audience', `Bearer ${await token({ audience: 'https://other.example.com' })}`, 401],
      ['another e-mail', `Bearer ${await token({ email: 'x@evil.iam.gserviceaccount.com' })}`, 403],
      ['an e-mail nobody verified', `Bearer ${await token({ verified: false })}`, 403],
      ['the right one', `Bearer ${good}`, 200],
    ];
    const statuses = await Promise.all(cases.map(async ([name, authorization]) => [name, await post(authorization)]));
    expect(statuses).toEqual(cases.map(([name, , status]) => [name, status]));
  });

  it('that breaks off, pipelines, waits for 100 or sends too much gets its answer and harms nobody', async () => {
    const [gone, pipelined, expecting, chunked] = await many(4, open);
    gone?.socket.write(head('content-length: 1000') + 'half');
    await sleep(100);
    gone?.socket.destroy();

    pipelined?.socket.write(whole(push()) + whole('no JSON') + whole(push()));
    expecting?.socket.write(head(`content-length: 9\r\nexpect: 100-continue`));
    const block = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    chunked?.socket.write(head('transfer-encoding: chunked') + block.repeat(5));
    if (!pipelined || !expecting || !chunked) throw new Error('not connected');

    expect(await answers(pipelined, 3)).toEqual([200, 200, 200]);
    expect(pipelined.text().match(/"outcome":"\w+"/g)).toEqual(
      ['accepted', 'dead_letter', 'accepted'].map((outcome) => `"outcome":"${outcome}"`),
    );
    expect(await answers(expecting, 1)).toEqual([100]);
    expecting.socket.write('no object');
    expect(await answers(expecting, 2)).toEqual([100, 200]);
    expect(await answers(chunked, 1)).toEqual([413]);
    await chunked.closed;
    for (const { socket } of [pipelined, expecting]) socket.destroy();
    expect(await post(`Bearer ${good}`)).toBe(200);
  });

  it('that sends 10 MB is answered 413 unread, also when there are fifty, and memory stays', async () => {
    const before = await residentMb(intake.pid);
    const block = Buffer.alloc(65_536, 'x');
    const wires = await many(50, async () => {
      const wire = await open();
      wire.socket.write(head('content-length: 10000000'));
      for (let sent = 0; sent < 10_000_000 && !wire.socket.destroyed; sent += block.length)
        if (!wire.socket.write(block)) await Promise.race([sleep(50), wire.closed]);
      return wire;
    });
    const statuses = await Promise.all(wires.map((wire) => answers(wire, 1)));
    // The connection is closed with bytes unread: a client that still sends may lose the answer, and sees the close.
    expect(new Set(statuses.flat())).toEqual(new Set([413]));
    expect(statuses.flat().length).toBeGreaterThan(25);
    await Promise.all(wires.map(({ closed }) => closed));
    expect((await residentMb(intake.pid)) - before).toBeLessThan(64);
  });

  it('that is slow, silent or one of a thousand does not keep others out, and is closed in time', async () => {
    const before = await residentMb(intake.pid);
    const startedAt = performance.now();
    const slowHeads = await many(100, open);
    for (const wire of slowHeads) drip(wire, 'POST /events/pubsub HTTP/1.1\r\nx-long: ' + 'x'.repeat(100));
    const slowBodies = await many(100, open);
    for (const wire of slowBodies) {
      wire.socket.write(head(`content-length: ${MAX_BODY_BYTES}`));
      drip(wire, '{"message": ');
    }
    const idle = await many(1_000, open);
    const posting = await many(1_000, open);
    for (const { socket } of posting) socket.write(whole(push(20_000)));
    const statuses = (await Promise.all(posting.map((wire) => answers(wire, 1, 30_000)))).flat();
    expect(statuses).toHaveLength(1_000);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(500);
    for (const { socket } of posting) socket.destroy();
    expect(await post(`Bearer ${good}`)).toBe(200);
    const most = (await residentMb(intake.pid)) - before;

    const openStill = (): number =>
      [...slowHeads, ...slowBodies, ...idle].filter(({ socket }) => !socket.closed).length;
    while (openStill() > 0 && performance.now() - startedAt < 60_000) {
      expect(await post(`Bearer ${good}`)).toBe(200);
      await sleep(500);
    }
    expect(openStill()).toBe(0);
    expect(new Set(slowBodies.flatMap((wire) => wire.statuses()))).toEqual(new Set([408]));
    expect(most).toBeLessThan(150);
  });
});
