import { Ajv2020 } from 'ajv/dist/2020.js';
import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import { createAccess } from '../../../src/console/access.js';
import { openApiDocument, route } from '../../../src/console/api.js';
import { readAssets } from '../../../src/console/assets.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { serveConsole } from '../../../src/console/server.js';
import { OperationError, RequestError } from '../../../src/operations/index.js';
import { createLogger } from '../../../src/telemetry/index.js';
import { WarehouseError } from '../../../src/warehouse/index.js';

const TOKEN = 'v'.repeat(40);
let http: FastifyInstance | undefined;
afterEach(async () => http?.close());

const failing = (path: string, error: () => Error) =>
  route({
    ...{ method: 'GET' as const, path, summary: 'fails', role: 'viewer' as const, answer: z.object({}) },
    handle: () => Promise.reject(error()),
  });
const echo = route({
  ...{ method: 'POST' as const, path: '/api/echo/:id', summary: 'Says it again', role: 'operator' as const },
  params: z.object({ id: z.string() }),
  query: z.object({ times: z.coerce.number().int().max(3).default(1) }),
  body: z.object({ text: z.string().max(10) }),
  answer: z.object({ said: z.string(), who: z.string() }),
  handle: ({ params, query, body, person }) =>
    Promise.resolve({ said: `${params.id} ${body.text.repeat(query.times)}`, who: person.name }),
});
const routes = [
  echo,
  failing('/api/request', () => new RequestError('no image')),
  failing('/api/operation', () => new OperationError('Kafka: away')),
  failing('/api/warehouse', () => new WarehouseError('unavailable', undefined, 'away')),
  failing('/api/none', () => new ConsoleError(404, 'nothing there')),
  failing('/api/temporal', () => Object.assign(new Error('away'), { code: 14, details: 'away', metadata: {} })),
  failing('/api/defect', () => new Error('secret internals')),
];

async function consoleOf(environment: Record<string, string> = {}): Promise<FastifyInstance> {
  const config = loadConfig({ PENSTOCK_HTTP_HOST: '127.0.0.1', ...environment });
  http = Fastify();
  serveConsole({
    ...{ http, access: createAccess(config), logins: config.PENSTOCK_CONSOLE_LOGINS, routes },
    ...(await readAssets()),
    ...{ host: config.PENSTOCK_HTTP_HOST, version: '1.2.3' },
    ...{ temporalUi: () => 'http://127.0.0.1:8233', log: createLogger('test', 'silent') },
    picture: () => Promise.resolve(Buffer.from('RIFF')),
  });
  return http;
}

const fromPage = { host: 'localhost', 'x-penstock-console': '1' };

describe('the API', () => {
  it('checks what comes, and says what is wrong and where', async () => {
    const server = await consoleOf();
    const post = (url: string, body: unknown) =>
      server.inject({ method: 'POST', url, headers: fromPage, payload: body as object });
    const fine = await post('/api/echo/7?times=2', { text: 'ab' });
    expect([fine.statusCode, fine.json()]).toEqual([200, { said: '7 abab', who: 'console@loopback' }]);
    const wrong = await post('/api/echo/7?times=9', { text: 'ab' });
    expect([wrong.statusCode, wrong.body]).toEqual([400, expect.stringMatching(/^\{"error":"query\.times: /)]);
    expect((await post('/api/echo/7', { text: 1 })).body).toMatch(/^\{"error":"body\.text: /);
  });

  it('says whose fault it is, and of its own defects nothing more', async () => {
    const server = await consoleOf();
    const get = async (url: string) => {
      const { statusCode, body } = await server.inject({ url, headers: { host: 'localhost' } });
      return [statusCode, (JSON.parse(body) as { error: string }).error];
    };
    expect(await get('/api/request')).toEqual([400, 'no image']);
    expect(await get('/api/operation')).toEqual([502, 'Kafka: away']);
    expect(await get('/api/warehouse')).toEqual([503, 'ClickHouse: away']);
    expect(await get('/api/temporal')).toEqual([503, 'Temporal: away']);
    expect(await get('/api/none')).toEqual([404, 'nothing there']);
    expect(await get('/api/defect')).toEqual([500, 'something went wrong; the log of the console says what']);
  });

  it('lets nobody in without a login, but says how to log in', async () => {
    const server = await consoleOf({ PENSTOCK_CONSOLE_LOGINS: `viewer:vera:${TOKEN}` });
    for (const url of ['/api/none', '/api/picture?name=gs://bucket/a%231'])
      expect((await server.inject({ url })).statusCode, url).toBe(401);
    expect((await server.inject({ url: '/api/session' })).json()).toEqual({
      ...{ person: null, login: 'token', version: null, temporalUi: null },
    });
    const wrong = await server.inject({ method: 'POST', url: '/api/session', payload: { token: 'x' } });
    expect([wrong.statusCode, wrong.headers['set-cookie']]).toEqual([401, undefined]);
    const over = await server.inject({
      ...{ method: 'POST', url: '/api/session', payload: { token: TOKEN } },
      headers: { host: 'console.example.com' },
    });
    expect(over.headers['set-cookie']).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/);
    const [cookie = ''] = String(over.headers['set-cookie']).split(';');
    expect((await server.inject({ url: '/api/session', headers: { cookie } })).json()).toMatchObject({
      ...{ person: { name: 'vera', role: 'viewer' }, version: '1.2.3', temporalUi: 'http://127.0.0.1:8233' },
    });
    const ended = await server.inject({ method: 'POST', url: '/api/session/end' });
    expect(ended.json()).toMatchObject({ person: null, version: null, temporalUi: null });
    const changed = await server.inject({
      ...{ method: 'POST', url: '/api/echo/1', payload: { text: 'a' } },
      headers: { cookie, 'x-penstock-console': '1' },
    });
    expect([changed.statusCode, changed.json()]).toEqual([403, { error: 'vera may look, and not change anything' }]);
  });

  it('keeps a session for HTTPS, but where it listens to this machine alone', async () => {
    const cookieOf = async (environment: Record<string, string>, headers: Record<string, string>) => {
      const server = await consoleOf({ PENSTOCK_CONSOLE_LOGINS: `viewer:vera:${TOKEN}`, ...environment });
      const login = await server.inject({ method: 'POST', url: '/api/session', payload: { token: TOKEN }, headers });
      await server.close();
      return String(login.headers['set-cookie']);
    };
    const host = 'localhost:8081';
    for (const origin of [{}, { origin: 'http://localhost:8081' }])
      expect(await cookieOf({}, { host, ...origin })).not.toContain('Secure');
    for (const origin of ['https://console.example.com', 'null'])
      expect(await cookieOf({}, { host, origin })).toMatch(/; Secure$/);
    // A proxy may pass on the name of what it passes to.
    expect(await cookieOf({ PENSTOCK_HTTP_HOST: '0.0.0.0' }, { host })).toMatch(/; Secure$/);
  });
});

describe('the page', () => {
  it('is served with a policy that lets nothing else run, and once', async () => {
    const server = await consoleOf();
    const page = await server.inject({ url: '/' });
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self' 'sha256-[^']+';/);
    expect(page.headers['content-security-policy']).not.toContain('unsafe');
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    const scripts = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(scripts.length).toBeGreaterThan(2);
    for (const url of scripts) {
      const file = await server.inject({ url });
      expect(file.statusCode, url).toBe(200);
      const again = await server.inject({ url, headers: { 'if-none-match': String(file.headers['etag']) } });
      expect([again.statusCode, again.body], url).toEqual([304, '']);
    }
    const { imports } = JSON.parse(/<script type="importmap">([^<]*)<\/script>/.exec(page.body)?.[1] ?? '{}') as {
      imports: Record<string, string>;
    };
    for (const url of Object.values(imports)) expect((await server.inject({ url })).statusCode, url).toBe(200);
  });

  it('describes its API', async () => {
    const server = await consoleOf();
    const document = (await server.inject({ url: '/openapi.json' })).json<ReturnType<typeof openApiDocument>>();
    expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument(routes, '1.2.3'))));
    const operation = (document['paths'] as Record<string, Record<string, Record<string, unknown>>>)[
      '/api/echo/{id}'
    ]?.['post'];
    expect(operation).toMatchObject({
      summary: 'Says it again (operators)',
      parameters: [
        { name: 'id', in: 'path', required: true },
        { name: 'times', in: 'query', required: false },
      ],
    });
    const schema = (operation?.['requestBody'] as { content: Record<string, { schema: object }> }).content[
      'application/json'
    ];
    const validate = new Ajv2020().compile(schema?.schema ?? {});
    expect([validate({ text: 'a' }), validate({ text: 1 })]).toEqual([true, false]);
  });
});
