import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { faultOf } from '../../client/index.js';
import { createBoundedLog, type Logger } from '../../telemetry/index.js';
import { WarehouseError } from '../../warehouse/index.js';
import { checked } from '../checked.js';
import type { Grant } from '../keys.js';
import { Refusal } from '../refusal.js';
import { BODY_BYTES, datasetsQuery, runQuery, runsQuery } from './contract.js';
import type { Asked, Datasets } from './datasets.js';
import type { DatasetsApiMetrics } from './metrics.js';
import { checkBodyType, readStart } from './request.js';

export interface DatasetRoutesOptions {
  log: Logger;
  metrics: DatasetsApiMetrics;
  datasets: Datasets;
  checkKey: (authorization: string | undefined) => Grant;
  /** The contract, as OpenAPI has it. */
  document: Record<string, unknown>;
  /** Requests that are worked on. */
  open: Set<AbortController>;
  /** True from the moment on that the role stops. */
  isStopping: () => boolean;
}

export const MOST_IN_FLIGHT = 64;
/** Longer than the longest answer: a connection on which nothing happens is closed earlier. */
const SOCKET_MS = 75_000;
const AGAIN = { retryAfterS: 5 };
const ALL_METHODS: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Runs of datasets over HTTP: started, listed and told of. What is not done says why. */
export function datasetRoutes(options: DatasetRoutesOptions): (scope: FastifyInstance) => void {
  const { log, metrics, datasets, checkKey, document, open, isStopping } = options;
  const warn = createBoundedLog(log, 1);
  const begun = new WeakMap<FastifyRequest, Asked>();

  /** Before the body is read: what is refused here costs none of it. */
  const gate = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    if (isStopping()) throw new Refusal('unavailable', 'intake is stopping', AGAIN);
    const asked = { datasets: checkKey(request.headers.authorization), signal: hangUpOf(reply) };
    if (request.method === 'POST') {
      checkBodyType(request.headers);
      // Fastify would answer parameters of the type that it can't read in words of its own.
      request.raw.headers['content-type'] = 'application/json';
    }
    begun.set(request, asked);
    done();
  };

  const hangUpOf = (reply: FastifyReply): AbortSignal => {
    if (open.size >= MOST_IN_FLIGHT)
      throw new Refusal('busy', `${open.size} requests are worked on already`, { retryAfterS: 1 });
    const abort = new AbortController();
    open.add(abort);
    reply.raw.once('close', () => {
      open.delete(abort);
      abort.abort();
    });
    reply.raw.setTimeout(SOCKET_MS, () => reply.raw.destroy());
    return abort.signal;
  };

  const askedOf = (request: FastifyRequest): Asked => {
    const asked = begun.get(request);
    if (asked === undefined) throw new Error('a request came past the gate');
    return asked;
  };

  const refuse = (error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { kind, status, message, told } = refusalOf(error);
    const isGone = begun.get(request)?.signal.aborted === true && !isStopping();
    metrics.counted(isGone ? 'gone' : kind);
    if (kind === 'failed') log.error({ err: error }, 'a request of the API of datasets failed');
    else if (kind === 'unavailable' && !isGone && !isStopping())
      warn({ err: error }, 'the API of datasets can not answer');
    else log.debug({ kind, status, why: message, workflowId: told.workflowId }, 'refused by the API of datasets');
    // The rest of a body is not read.
    if (!request.raw.complete) void reply.header('connection', 'close');
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    const { retryAfterS, error: code = kind, ...further } = told;
    if (retryAfterS !== undefined) void reply.header('retry-after', String(retryAfterS));
    return reply.code(status).send({ error: code, message, ...further });
  };

  const get = (scope: FastifyInstance, url: string, answer: (request: FastifyRequest) => Promise<unknown>): void => {
    scope.get(url, { onRequest: gate }, async (request) => {
      const answered = await answer(request);
      metrics.counted('answered');
      return answered;
    });
  };

  return (scope) => {
    scope.removeAllContentTypeParsers();
    const whole = { parseAs: 'buffer', bodyLimit: BODY_BYTES } as const;
    scope.addContentTypeParser('application/json', whole, (_request, body, done) => done(null, body));
    scope.setErrorHandler(refuse);
    scope.post<{ Params: { name: string } }>('/v1/datasets/:name/runs', { onRequest: gate }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const asked = askedOf(request);
      const started = await datasets.start(request.params.name, readStart(body, request.headers), asked);
      metrics.counted(started.isNew ? 'started' : 'repeated');
      if (started.isNew) log.info({ workflowId: started.workflowId }, 'a run was started by the API');
      return reply
        .code(started.isNew ? 202 : 200)
        .header('location', started.run)
        .send(started);
    });
    get(scope, '/v1/datasets/:name/runs', (request) => {
      const { limit } = checked(runsQuery, request.query, 'query');
      return datasets.list((request.params as { name: string }).name, limit, askedOf(request));
    });
    get(scope, '/v1/datasets', (request) =>
      datasets.all(checked(datasetsQuery, request.query, 'query'), askedOf(request)),
    );
    get(scope, '/v1/runs/*', (request) => {
      const { waitSeconds } = checked(runQuery, request.query, 'query');
      return datasets.run((request.params as { '*': string })['*'], waitSeconds * 1_000, askedOf(request));
    });
    // The contract alone: it tells nothing of what there is here.
    scope.get('/v1/openapi.json', () => document);
    refuseMethods(scope, '/v1/datasets/:name/runs', ['GET', 'POST']);
    for (const url of ['/v1/datasets', '/v1/runs/*', '/v1/openapi.json']) refuseMethods(scope, url, ['GET']);
  };
}

function refuseMethods(scope: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const refuse = (_request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    reply
      .code(405)
      .header('allow', allowed.join(', '))
      .send({ error: `only ${allowed.join(' and ')}` });
  scope.route({
    method: ALL_METHODS.filter((method) => !allowed.includes(method)),
    url,
    onRequest: (request, reply) => void refuse(request, reply),
    handler: refuse,
  });
}

function tooLarge(): Refusal {
  return new Refusal('too_large', `a body has at most ${BODY_BYTES} bytes`);
}

function refusalOf(error: FastifyError | Refusal): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof WarehouseError) return new Refusal('unavailable', 'ClickHouse does not answer', AGAIN);
  if (faultOf(error) !== 'lasting') return new Refusal('unavailable', 'Temporal does not answer', AGAIN);
  const { statusCode = 500 } = error;
  if (statusCode === 413) return tooLarge();
  if (statusCode < 500) return new Refusal('invalid', error.message);
  return new Refusal('failed', 'internal error');
}
