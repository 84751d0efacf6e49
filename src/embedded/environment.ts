import { join } from 'node:path';
import { GCS_PROJECT, type Endpoints } from './endpoints.js';
import { packageRoot } from './files.js';

/** The variables that point a role, or any verb, at this stack. */
export function roleEnvironment(endpoints: Endpoints): Record<string, string> {
  return {
    PENSTOCK_KAFKA_BROKERS: endpoints.kafka,
    PENSTOCK_GCS_ENDPOINT: endpoints.gcs,
    PENSTOCK_GCS_PROJECT: GCS_PROJECT,
    PENSTOCK_DETECT_API_BUCKET: endpoints.bucket,
    PENSTOCK_CLICKHOUSE_URL: endpoints.clickhouse,
    TEMPORAL_ADDRESS: endpoints.temporal,
    ...(isOwnTemporal(endpoints) ? { TEMPORAL_NAMESPACE: 'default', TEMPORAL_CONFIG_FILE: NO_TEMPORAL_CONFIG } : {}),
  };
}

/**
 * Points an environment at this stack, in place: the copy that roles get, or that of the process itself, where Temporal's
 * client reads it. What a person has set for a Temporal of theirs (keys, TLS, a profile) is kept only for that one.
 */
export function pointAtStack(environment: NodeJS.ProcessEnv, endpoints: Endpoints): void {
  if (isOwnTemporal(endpoints)) dropTemporalSettings(environment);
  Object.assign(environment, roleEnvironment(endpoints));
}

export function dropTemporalSettings(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment))
    if (name.startsWith('TEMPORAL_')) Reflect.deleteProperty(environment, name);
}

/** What roles inherit from this process: all but the addresses of servers that run elsewhere. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PENSTOCK_STACK_')));
}

/** Only a Temporal that the stack started has a UI that it knows of. Its pid would not do: it has none while it is down. */
function isOwnTemporal({ temporalUi }: Endpoints): boolean {
  return temporalUi !== undefined;
}

/** No such file. Temporal's loader takes that for no settings; it throws at an empty file. */
const NO_TEMPORAL_CONFIG = join(packageRoot(), 'no-temporal.toml');
