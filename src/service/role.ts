import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ConfigError, loadConfig, type Config } from '../config/index.js';
import { createLogger, createMetrics, type Logger, type Metrics } from '../telemetry/index.js';
import { buildMetrics, programVersion } from './build.js';
import { createTracing, type Tracing } from '../tracing/index.js';
import { createHttpServer } from './http.js';

/** What a role is given to start with. */
export interface RoleContext {
  config: Config;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** The role's HTTP server, not yet listening: add routes to it. */
  http: FastifyInstance;
  /** Begins to listen. Call it after adding routes and before waiting for dependencies, so that `/readyz` can answer. */
  listen: () => Promise<void>;
  /** What the role waits for: name to sentence. Not ready while it holds anything. */
  waits: Map<string, string>;
  /** Aborts when the role is told to stop; waits that retry forever end with it. */
  stopping: AbortSignal;
  /** Ends the process with exit code 1 after a last orderly stop: for faults that a fresh process cures. */
  fail: (error: unknown) => void;
}

/** A started role. */
export interface RunningRole {
  /** Stops in order: take nothing new, drain, commit, close clients. Bounded by PENSTOCK_SHUTDOWN_MS. */
  stop: () => Promise<void>;
}

/**
 * Runs one role until SIGTERM or SIGINT, or until its supervisor goes away (IPC channel closed): configuration, logger,
 * metrics, health endpoints, and one shutdown path. Rejects with ConfigError where the configuration can't be used.
 */
export async function serveRole(role: string, start: (context: RoleContext) => Promise<RunningRole>): Promise<void> {
  const config = loadConfig(process.env);
  const log = createLogger(role, config.PENSTOCK_LOG_LEVEL);
  const metrics = createMetrics(role);
  buildMetrics(metrics).set({ version: programVersion(), node: process.versions.node }, 1);
  const tracing = createTracing(config, role);
  const controller = new AbortController();
  let running: RunningRole | undefined;
  const waits = new Map([['start', 'starting']]);
  const http = createHttpServer({
    metrics,
    waits,
    maxBodyBytes: config.PENSTOCK_INTAKE_MAX_BODY_BYTES,
    maxConnections: config.PENSTOCK_HTTP_MAX_CONNECTIONS,
  });

  let ending: Promise<void> | undefined;
  const end = (why: string, exitCode: number): Promise<void> => (ending ??= shutDown(why, exitCode));
  const shutDown = async (why: string, exitCode: number): Promise<void> => {
    log.info({ why }, 'stopping');
    const deadline = setTimeout(() => {
      log.error({ limitMs: config.PENSTOCK_SHUTDOWN_MS }, 'did not drain in time');
      process.exit(1);
    }, config.PENSTOCK_SHUTDOWN_MS);
    controller.abort(new Error('role is stopping'));
    try {
      await running?.stop();
      await http.close();
      await tracing.close();
    } catch (error) {
      log.error({ err: error }, 'stop failed');
      exitCode = 1;
    }
    clearTimeout(deadline);
    log.info('stopped');
    process.exit(exitCode);
  };
  process.once('SIGTERM', () => void end('SIGTERM', 0));
  process.once('SIGINT', () => void end('SIGINT', 0));
  process.once('disconnect', () => void end('supervisor is gone', 0));
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught');
    void end('uncaught exception', 1);
  });

  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'failed');
    void end('failed', 1);
  };
  let listening: Promise<void> | undefined;
  const listen = (): Promise<void> =>
    (listening ??= (async () => {
      await http.listen({ host: config.PENSTOCK_HTTP_HOST, port: config.PENSTOCK_HTTP_PORT });
      const { port } = http.server.address() as AddressInfo;
      log.info({ port }, 'listening');
      process.send?.({ kind: 'listening', port });
    })());
  try {
    running = await start({ config, log, metrics, tracing, http, listen, waits, stopping: controller.signal, fail });
    await listen();
    waits.delete('start');
    log.info('started');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (!controller.signal.aborted) fail(error);
  }
  await ending;
}
