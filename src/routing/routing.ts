import { ConfigError, type Config } from '../config/index.js';
import { LANE_METADATA } from '../domain/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { readYamlFile, YamlError, YamlFileError } from '../yaml/index.js';
import { parseRoutes } from './parse.js';
import { routingMetrics } from './metrics.js';
import type { RouteTable } from './table.js';
import type { Router, Routing } from './types.js';
import { watchFile, type FileChange } from './watch.js';

const EVERY_MS = 1_000;

export type RoutingConfig = Pick<
  Config,
  'PENSTOCK_LANES' | 'PENSTOCK_DEFAULT_LANE' | 'PENSTOCK_DEFAULT_MODEL' | 'PENSTOCK_ROUTING_FILE'
>;

export interface RoutingOptions {
  /** Where reloads are counted. Default: nowhere. */
  metrics?: Metrics;
  /** Milliseconds between two looks at the file. Default 1,000; a change is taken at the second look that sees it. */
  everyMs?: number;
}

/**
 * The routes of PENSTOCK_ROUTING_FILE, which are read again when the file changes, or without one the defaults. Throws
 * ConfigError where they can't be used. A change that can't be used later on leaves the routes as they are, and is
 * logged and counted.
 */
export async function openRouting(config: RoutingConfig, log: Logger, options: RoutingOptions = {}): Promise<Routing> {
  const file = config.PENSTOCK_ROUTING_FILE;
  if (file === undefined) return defaults(config);
  const text = await orConfigError(() => readYamlFile(file));
  let table = await orConfigError(() => parseRoutes(text, file, config));
  const metrics = routingMetrics(options.metrics);
  log.info({ file, routes: table.rules.length }, 'routes');

  const onChange = (change: FileChange): boolean => {
    if (change.kind === 'restored') {
      metrics.stale(false);
      log.info({ file }, 'the routing file is again as the routes are');
      return true;
    }
    try {
      if (change.kind === 'unreadable') throw change.error;
      table = parseRoutes(change.text, file, config);
    } catch (error) {
      if (!isWrong(error)) throw error;
      metrics.reloaded('refused');
      metrics.stale(true);
      log.error({ file, problem: error.message }, 'the routing file can not be used; the routes stay as they were');
      return false;
    }
    metrics.reloaded('taken');
    metrics.stale(false);
    log.info({ file, routes: table.rules.length }, 'new routes');
    return true;
  };
  const watch = watchFile({
    read: () => readYamlFile(file),
    text,
    everyMs: options.everyMs ?? EVERY_MS,
    onChange,
    onDefect: (err) => log.error({ err, file }, 'the routing file could not be looked at'),
  });
  return {
    route: (object) => byTable(config, table)(object),
    models: () => [...new Set(table.rules.flatMap((rule) => (rule.ignore ? [] : [rule.model])))],
    buckets: () => [...new Set(table.rules.flatMap((rule) => (rule.ignore ? [] : [rule.bucket])))],
    pins: () =>
      new Map(table.rules.flatMap((rule) => (rule.ignore || rule.pin === undefined ? [] : [[rule.model, rule.pin]]))),
    close: watch.close,
  };
}

/** Reads the file once. Throws YamlFileError where it can't be read, YamlError where it is wrong. */
export async function readRoutes(file: string, config: RoutingConfig): Promise<RouteTable> {
  return parseRoutes(await readYamlFile(file), file, config);
}

/** Throws ConfigError where PENSTOCK_ROUTING_FILE is set and can't be used. */
export async function checkRouting(config: RoutingConfig): Promise<void> {
  const file = config.PENSTOCK_ROUTING_FILE;
  if (file !== undefined) await orConfigError(() => readRoutes(file, config));
}

function defaults(config: RoutingConfig): Routing {
  return {
    route: (object) => ({
      lane: laneOf(object, config.PENSTOCK_DEFAULT_LANE, config),
      model: config.PENSTOCK_DEFAULT_MODEL,
    }),
    models: () => [config.PENSTOCK_DEFAULT_MODEL],
    buckets: () => [],
    pins: () => new Map(),
    close: () => undefined,
  };
}

function byTable(config: RoutingConfig, table: RouteTable): Router {
  return (object) => {
    const rule = table.find(object);
    if (rule === undefined || rule.ignore) return undefined;
    const { model, lane, deadlineMs } = rule;
    return { model, lane: laneOf(object, lane, config), ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  };
}

/** The object's own metadata may pick another lane that is configured, also within a route. */
function laneOf({ metadata }: Parameters<Router>[0], lane: string, { PENSTOCK_LANES }: RoutingConfig): string {
  const wanted = metadata[LANE_METADATA];
  return typeof wanted === 'string' && PENSTOCK_LANES.includes(wanted) ? wanted : lane;
}

async function orConfigError<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isWrong(error) ? new ConfigError(`PENSTOCK_ROUTING_FILE:\n${error.message}`, { cause: error }) : error;
  }
}

function isWrong(error: unknown): error is YamlError | YamlFileError {
  return error instanceof YamlError || error instanceof YamlFileError;
}
