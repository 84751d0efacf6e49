import type { Readable } from 'node:stream';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/index.js';
import type { Logger } from '../../telemetry/index.js';
import type { Grant } from '../keys.js';
import { Refusal } from '../refusal.js';
import type { Detected, ImageDetector } from './detect.js';
import type { DetectMetrics } from './metrics.js';
import { tooLarge } from './picture.js';
import { bodyKind, readQuery, readReference } from './request.js';

export interface DetectRoutesOptions {
  config: Config;
  log: Logger;
  metrics: DetectMetrics;
  detector: ImageDetector;
  checkKey: (authorization: string | undefined) => Grant;
  /** Requests that are worked on. */
  open: Set<AbortController>;
  /** True from the moment on that the role stops. */
  isStopping: () => boolean;
}

/** What is known of a request before its body is read. */
interface Begun {
  atMs: number;
  buckets: Grant;
  mediaType: string;
  isPicture: boolean;
  abort: AbortController;
}

const URL_PATH = '/v1/detect';
/** Of a reference: a name has at most 1,024 bytes, six times as many where each is escaped. */
const REFERENCE_BYTES = 8_192;
/** An answer may take as long as a sender may wait; a connection on which nothing happens is closed earlier. */
const SOCKET_MS = 75_000;

/** `POST /v1/detect`: 200 with the boxes of one image, or why not. */
export function detectRoutes(options: DetectRoutesOptions): (scope: FastifyInstance) => void {
  const { config, log, metrics, detector, checkKey, open, isStopping } = options;
  const maxBytes = Math.min(config.PENSTOCK_DETECT_API_MAX_BYTES, config.PENSTOCK_IMAGE_MAX_BYTES);
  const begun = new WeakMap<FastifyRequest, Begun>();

  /** Before the body is read: what is refused here costs none of it. */
  const gate = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const atMs = Date.now();
    if (isStopping()) throw stopping();
    const buckets = checkKey(request.headers.authorization);
    const { kind, mediaType } = bodyKind(request.headers);
    const isPicture = kind === 'picture';
    if (announced(request) > (isPicture ? maxBytes : REFERENCE_BYTES))
      throw isPicture ? tooLarge(maxBytes) : tooLarge(REFERENCE_BYTES);
    if (open.size >= config.PENSTOCK_DETECT_API_MAX_IN_FLIGHT)
      throw new Refusal('busy', `${open.size} requests are worked on already`, { retryAfterS: 1 });
    const abort = new AbortController();
    open.add(abort);
    metrics.inFlight(open.size);
    // Whoever hangs up waits no longer; its image is detected all the same.
    reply.raw.once('close', () => {
      open.delete(abort);
      metrics.inFlight(open.size);
      abort.abort();
    });
    reply.raw.setTimeout(SOCKET_MS);
    // Fastify would answer parameters of the type that it can't read in words of its own.
    request.raw.headers['content-type'] = mediaType;
    begun.set(request, { atMs, buckets, mediaType, isPicture, abort });
    return Promise.resolve();
  };

  const answer = async (request: FastifyRequest): Promise<Detected> => {
    const about = begun.get(request);
    if (about === undefined) throw new Error('a request came past the gate');
    const { atMs, buckets, mediaType, isPicture, abort } = about;
    const asked = { atMs, buckets, signal: abort.signal };
    try {
      const detected = await (isPicture
        ? detector.picture(
            {
              ...{ body: request.body as Readable, mediaType, maxBytes },
              bytes: announcedOf(request),
              query: readQuery(request.query),
            },
            asked,
          )
        : detector.reference(readReference(request.body as Buffer), asked));
      metrics.answered('detected', detected.waitedMs / 1000);
      return detected;
    } catch (error) {
      if (isStopping() && abort.signal.aborted) throw stopping();
      throw error;
    }
  };

  const refuse = (error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = refusalOf(error);
    const { kind, status, message, told } = refusal;
    metrics.answered(kind, 0);
    if (kind === 'failed') log.error({ err: error }, 'detection by the API failed');
    else log.debug({ kind, status, why: message, workflowId: told.workflowId }, 'not detected by the API');
    // The rest of a body is not read.
    if (!request.raw.complete) void reply.header('connection', 'close');
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    const { retryAfterS, error: code = kind, ...further } = told;
    if (retryAfterS !== undefined) void reply.header('retry-after', String(retryAfterS));
    return reply.code(status).send({ error: code, message, ...further });
  };

  return (scope) => {
    scope.removeAllContentTypeParsers();
    const whole = { parseAs: 'buffer', bodyLimit: REFERENCE_BYTES } as const;
    scope.addContentTypeParser('application/json', whole, (_request, body, done) => done(null, body));
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    scope.setErrorHandler(refuse);
    scope.post(URL_PATH, { onRequest: gate }, answer);
    const refuseMethod = (_request: FastifyRequest, reply: FastifyReply): FastifyReply =>
      reply.code(405).header('allow', 'POST').send({ error: 'only POST' });
    scope.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: URL_PATH,
      onRequest: (request, reply) => void refuseMethod(request, reply),
      handler: refuseMethod,
    });
  };
}

function stopping(): Refusal {
  return new Refusal('unavailable', 'intake is stopping; what has begun is still detected', { retryAfterS: 5 });
}

function announcedOf({ headers }: FastifyRequest): number | undefined {
  return headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
}

function announced(request: FastifyRequest): number {
  return announcedOf(request) ?? 0;
}

function refusalOf(error: FastifyError | Refusal): Refusal {
  if (error instanceof Refusal) return error;
  const { statusCode = 500 } = error;
  if (statusCode === 413) return tooLarge(REFERENCE_BYTES);
  if (statusCode < 500) return new Refusal('invalid', error.message);
  return new Refusal('failed', 'internal error');
}
