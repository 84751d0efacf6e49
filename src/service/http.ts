import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from '../telemetry/index.js';

/** Longest time for the headers of a request, and for a new connection to send any; milliseconds. */
const HEADERS_MS = 10_000;
/** Longest time for a whole request; milliseconds. */
const REQUEST_MS = 30_000;
/** How often connections are held to these. */
const CHECK_MS = 2_000;

/**
 * The HTTP server of a role with the three endpoints that every role has: `/healthz` (the process runs), `/readyz`
 * (503 with the reasons while it waits for something) and `/metrics` (Prometheus text). A role may add its own routes.
 */
export function createHttpServer(options: {
  metrics: Metrics;
  /** What the role waits for, name to sentence; read at every request. */
  waits: ReadonlyMap<string, string>;
  maxBodyBytes: number;
  /** Further connections are closed as they come. */
  maxConnections: number;
}): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    requestTimeout: REQUEST_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: CHECK_MS },
    connectionTimeout: 60_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
  });
  server.server.maxConnections = options.maxConnections;
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_request, reply) => {
    if (options.waits.size === 0) return reply.send({ status: 'ready' });
    return reply.code(503).send({ status: 'waiting', waits: Object.fromEntries(options.waits) });
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await options.metrics.text();
    return reply.type(options.metrics.registry.contentType).send(text);
  });
  return server;
}
