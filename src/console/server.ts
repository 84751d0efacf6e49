import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { faultOf } from '../client/index.js';
import type { ConsoleLogin } from '../config/index.js';
import { isLoopback } from '../service/index.js';
import { OperationError, RequestError } from '../operations/index.js';
import { reasonOf, type Logger } from '../telemetry/index.js';
import { WarehouseError } from '../warehouse/index.js';
import type { Access, Asked, Person } from './access.js';
import type { personAnswer } from './answers.js';
import { openApiDocument, type ApiRoute } from './api.js';
import type { Asset } from './assets.js';
import { ConsoleError } from './errors.js';
import { loginOf, sealSession, SESSION_COOKIE, SESSION_MS } from './session.js';

export interface ConsoleServerOptions {
  http: FastifyInstance;
  access: Access;
  logins: readonly ConsoleLogin[];
  /** That it listens on. */
  host: string;
  routes: readonly ApiRoute[];
  assets: ReadonlyMap<string, Asset>;
  contentSecurityPolicy: string;
  version: string;
  temporalUi: () => string | undefined;
  picture: (name: string) => Promise<Buffer>;
  log: Logger;
}

const loginBody = z.object({ token: z.string().max(600) });
const pictureQuery = z.object({ name: z.string().max(1_200) });

/** The page, its files, and the API behind it. */
export function serveConsole(options: ConsoleServerOptions): void {
  const { http, access, routes, log } = options;
  http.addHook('onSend', (_request, reply, _payload, done) => {
    void reply.headers({
      'content-security-policy': options.contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    done();
  });
  http.setErrorHandler((error, request, reply) => {
    const { status, sentence } = answerTo(error);
    if (status >= 500) log.warn({ err: error, path: request.routeOptions.url }, 'console could not answer');
    return reply.code(status).send({ error: sentence });
  });
  files(options);
  session(options);
  http.get('/api/picture', async (request, reply) => {
    await personOf(access, request);
    const { name } = checked(pictureQuery, request.query, 'query');
    return reply.type('image/webp').send(await options.picture(name));
  });
  for (const one of routes) {
    http.route({
      method: one.method,
      url: one.path,
      handler: async (request) => {
        const person = await personOf(access, request);
        if (one.role === 'operator' && person.role !== 'operator')
          throw new ConsoleError(403, `${person.name} may look, and not change anything`);
        return one.handle({
          person,
          params: one.params && checked(one.params, request.params, 'path'),
          query: one.query && checked(one.query, request.query, 'query'),
          body: one.body && checked(one.body, request.body, 'body'),
        });
      },
    });
  }
}

function files({ http, assets, routes, version }: ConsoleServerOptions): void {
  const document = openApiDocument(routes, version);
  http.get('/openapi.json', () => document);
  for (const [path, asset] of assets)
    http.get(path, (request, reply) => {
      void reply.headers({ etag: asset.etag, 'cache-control': 'no-cache' });
      if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
      return reply.type(asset.type).send(asset.content);
    });
}

function session({ http, access, logins, host, version, temporalUi }: ConsoleServerOptions): void {
  // Who has not logged in learns how to, and no more.
  const who = (person: Person | null): z.input<typeof personAnswer> => ({
    ...{ person, login: access.login },
    ...(person === null ? { version: null, temporalUi: null } : { version, temporalUi: temporalUi() ?? null }),
  });
  http.get('/api/session', async (request) => {
    const person = await personOf(access, request).catch((error: unknown) => {
      if (error instanceof ConsoleError && error.status === 401) return null;
      throw error;
    });
    return who(person);
  });
  http.post('/api/session', (request, reply) => {
    const { token } = checked(loginBody, request.body, 'body');
    const login = loginOf(token, logins);
    if (login === undefined) throw new ConsoleError(401, 'no such token');
    void reply.header('set-cookie', cookie(request, host, sealSession(login, Date.now()), SESSION_MS / 1000));
    return reply.send(who({ name: login.name, role: login.role, by: 'cookie' }));
  });
  http.post('/api/session/end', (request, reply) => {
    void reply.header('set-cookie', cookie(request, host, '', 0));
    return reply.send(who(null));
  });
}

/** Over plain HTTP only where it listens to this machine alone: anywhere else a browser keeps it for HTTPS. */
function cookie({ hostname, headers }: FastifyRequest, host: string, value: string, seconds: number): string {
  const isHere = isLoopback(host) && isLoopback(hostname.replace(/:\d+$/, ''));
  const isPlain = headers.origin === undefined || headers.origin.startsWith('http:');
  const secure = isHere && isPlain ? '' : '; Secure';
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

function personOf(access: Access, { method, headers }: FastifyRequest): Promise<Person> {
  const asked: Asked = { method, headers };
  return access.person(asked);
}

function checked<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
  throw new ConsoleError(400, problems.slice(0, 5).join('; '));
}

function answerTo(error: unknown): { status: number; sentence: string } {
  if (error instanceof ConsoleError) return { status: error.status, sentence: error.message };
  if (error instanceof RequestError) return { status: 400, sentence: error.message };
  if (error instanceof OperationError) return { status: 502, sentence: error.message };
  if (error instanceof WarehouseError) return { status: 503, sentence: `ClickHouse: ${reasonOf(error)}` };
  if (faultOf(error) !== 'lasting') return { status: 503, sentence: `Temporal: ${reasonOf(error)}` };
  const { statusCode } = error as Partial<FastifyReply>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: statusCode, sentence: reasonOf(error) };
  return { status: 500, sentence: 'something went wrong; the log of the console says what' };
}
