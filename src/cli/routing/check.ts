import { loadConfig, type Config } from '../../config/index.js';
import { BUCKET_NAME } from '../../domain/index.js';
import {
  readRoutes,
  routeWarnings,
  type RouteRule,
  type RouteTable,
  type RoutingWarning,
} from '../../routing/index.js';
import { YamlError, YamlFileError, type YamlProblem } from '../../yaml/index.js';
import { UsageError, VerbError } from '../verb.js';

/** What `penstock routing check --json` prints. Fields are only added. */
export interface CheckReport {
  /** The file can be used. */
  ok: boolean;
  file: string;
  problems: readonly YamlProblem[];
  warnings: readonly RoutingWarning[];
  /** In the order of the file. */
  routes: readonly RouteRule[];
}

/** What `penstock routing test --json` prints. Fields are only added. */
export interface TestReport {
  bucket: string;
  object: string;
  file: string;
  /** It goes to a model. */
  routed: boolean;
  /** The longest prefix that it begins with; null: none. */
  route: RouteRule | null;
  why: string;
}

/** Throws UsageError for a file that is not named or can't be read. */
export async function checkRoutes(named: string | undefined, environment: NodeJS.ProcessEnv): Promise<CheckReport> {
  const config = loadConfig(environment);
  const file = fileOf(named, config);
  try {
    const table = await readTable(file, config);
    const warnings = routeWarnings(table, config.PENSTOCK_BUCKETS);
    return { ok: true, file, problems: [], warnings, routes: table.rules };
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return { ok: false, file, problems: error.problems, warnings: [], routes: [] };
  }
}

/** Throws UsageError for an object or a file that is none, VerbError for a file that is wrong. */
export async function testRoute(
  uri: string,
  named: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<TestReport> {
  const config = loadConfig(environment);
  const [, bucket = '', object = ''] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
  if (!BUCKET_NAME.test(bucket)) throw new UsageError(`${uri}: no object; one is named like gs://my-uploads/cat.jpg`);
  const file = fileOf(named, config);
  const told = { bucket, object, file };
  try {
    const route = (await readTable(file, config)).find({ bucket, object }) ?? null;
    if (config.PENSTOCK_BUCKETS.length > 0 && !config.PENSTOCK_BUCKETS.includes(bucket))
      return { ...told, routed: false, route, why: `PENSTOCK_BUCKETS does not have '${bucket}'` };
    return { ...told, routed: route !== null && !route.ignore, route, why: whyOf(route, bucket) };
  } catch (error) {
    throw error instanceof YamlError ? new VerbError(error.message) : error;
  }
}

function whyOf(route: RouteRule | null, bucket: string): string {
  if (route === null) return `no route of bucket '${bucket}' has a prefix that it begins with`;
  const longest = `line ${route.line} has the longest prefix that it begins with, '${route.prefix}'`;
  return route.ignore ? `${longest}, and ignores it` : longest;
}

function fileOf(named: string | undefined, config: Config): string {
  const file = named ?? config.PENSTOCK_ROUTING_FILE;
  if (file !== undefined) return file;
  const { PENSTOCK_DEFAULT_MODEL: model, PENSTOCK_DEFAULT_LANE: lane } = config;
  throw new UsageError(
    `Name a file, or set PENSTOCK_ROUTING_FILE. Without one every image goes to the model ${model} by the lane ${lane}.`,
  );
}

async function readTable(file: string, config: Config): Promise<RouteTable> {
  try {
    return await readRoutes(file, config);
  } catch (error) {
    throw error instanceof YamlFileError ? new UsageError(error.message) : error;
  }
}
