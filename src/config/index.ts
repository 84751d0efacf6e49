import { z } from 'zod';
import {
  BUCKET_NAME,
  DEAD_LETTERS_TOPIC,
  OTHER_UPLOADS_TOPIC,
  HELD_LANE,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  LANE_NAME,
  NO_LANE,
} from '../domain/index.js';
import { environmentSchema, type Config } from './schema.js';

export { environmentSchema, type Config };
export type { ApiKey, ApiScope } from './apiKeys.js';
export type { ConsoleLogin, ConsoleRole } from './consolePeople.js';

/** A configuration that can't be used; the message names every variable that is wrong and why. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Parses the environment once, at the entry of a role. Unknown PENSTOCK_* variables are an error, because a typing
 * mistake would otherwise run with a default.
 */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const unknown = Object.keys(environment).filter(
    (name) =>
      name.startsWith('PENSTOCK_') && !Object.hasOwn(environmentSchema.shape, name) && !STACK_VARIABLES.has(name),
  );
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(set);
  const problems = unknown.map((name) => `${name}: no such variable`);
  if (!parsed.success)
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  else problems.push(...contradictions(parsed.data));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(`configuration:\n  ${problems.join('\n  ')}`);
  return parsed.data;
}

/** Read by the one-machine stack, not by roles: addresses of servers that run elsewhere, the download cache. */
export const STACK_VARIABLES: ReadonlySet<string> = new Set([
  'PENSTOCK_CACHE_DIR',
  'PENSTOCK_STACK_KAFKA',
  'PENSTOCK_STACK_TEMPORAL',
  'PENSTOCK_STACK_GCS',
  'PENSTOCK_STACK_CLICKHOUSE',
  'PENSTOCK_DATA_DIR',
]);

/** Each is a label of metrics. */
const MOST_AUDITED = 50;

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  for (const lane of config.PENSTOCK_LANES) {
    if (!LANE_NAME.test(lane)) problems.push(`PENSTOCK_LANES: '${lane}' is no lane name (a-z, 0-9, -)`);
  }
  if (config.PENSTOCK_LANES.includes(HELD_LANE))
    problems.push(`PENSTOCK_LANES: '${HELD_LANE}' is where the events of an open circuit breaker wait`);
  if (config.PENSTOCK_LANES.includes(NO_LANE))
    problems.push(`PENSTOCK_LANES: '${NO_LANE}' in the metadata of an object says that it goes to no lane`);
  if (config.PENSTOCK_LANES.length === 0) problems.push('PENSTOCK_LANES: at least one lane');
  for (const name of ['PENSTOCK_DEFAULT_LANE', 'PENSTOCK_EXPRESS_LANE'] as const) {
    if (!config.PENSTOCK_LANES.includes(config[name]))
      problems.push(`${name}: '${config[name]}' is not in PENSTOCK_LANES`);
  }
  for (const pair of config.PENSTOCK_LANE_WEIGHTS) {
    const [lane = '', weight = ''] = pair.split('=');
    if (!(Number(weight) > 0 && Number(weight) <= 1_000))
      problems.push(`PENSTOCK_LANE_WEIGHTS: '${pair}' is not lane=weight with a weight above 0, at most 1000`);
    else if (!config.PENSTOCK_LANES.includes(lane))
      problems.push(`PENSTOCK_LANE_WEIGHTS: '${lane}' is not in PENSTOCK_LANES`);
  }
  if (config.PENSTOCK_BUDGET_MONEY_PER_DAY !== undefined && config.PENSTOCK_DETECTOR_PRICE_PER_HOUR === undefined)
    problems.push('PENSTOCK_BUDGET_MONEY_PER_DAY: needs PENSTOCK_DETECTOR_PRICE_PER_HOUR');
  for (const bucket of config.PENSTOCK_BUCKETS)
    if (!BUCKET_NAME.test(bucket)) problems.push(`PENSTOCK_BUCKETS: '${bucket}' is no bucket name`);
  for (const bucket of config.PENSTOCK_AUDIT_BUCKETS)
    if (!BUCKET_NAME.test(bucket)) problems.push(`PENSTOCK_AUDIT_BUCKETS: '${bucket}' is no bucket name`);
  if (config.PENSTOCK_AUDIT_BUCKETS.length > MOST_AUDITED)
    problems.push(`PENSTOCK_AUDIT_BUCKETS: at most ${MOST_AUDITED} buckets`);
  if (config.PENSTOCK_AUDIT_GRACE_MS >= config.PENSTOCK_AUDIT_SINCE_MS)
    problems.push('PENSTOCK_AUDIT_GRACE_MS: must be less than PENSTOCK_AUDIT_SINCE_MS, or nothing is audited');
  const topics = [
    ...config.PENSTOCK_LANES.map(imageEventsTopic),
    IMAGE_RESULTS_TOPIC,
    DEAD_LETTERS_TOPIC,
    OTHER_UPLOADS_TOPIC,
  ];
  for (const pair of config.PENSTOCK_HOUSEKEEP_GROUPS) {
    const [topic = '', group = '', ...rest] = pair.split('=');
    if (group === '' || rest.length > 0) problems.push(`PENSTOCK_HOUSEKEEP_GROUPS: '${pair}' is not topic=group`);
    else if (!topics.includes(topic))
      problems.push(`PENSTOCK_HOUSEKEEP_GROUPS: '${topic}' is none of ${topics.join(', ')}`);
  }
  return problems;
}

/** The documentation table of every variable, in Markdown. */
export function configurationTable(): string {
  const schema = z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' });
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const {
      default: fallback,
      description = '',
      enum: values,
    } = property as { default?: unknown; description?: string; enum?: string[] };
    const shown = fallback === undefined ? '' : `\`${JSON.stringify(fallback).replaceAll('"', '')}\``;
    return `| \`${name}\` | ${shown} | ${description}${values ? ` One of ${values.map((value) => `\`${value}\``).join(', ')}.` : ''} |`;
  });
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
