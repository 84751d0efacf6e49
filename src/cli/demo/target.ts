import { loadConfig, type Config } from '../../config/index.js';
import { DEFAULT_BUCKET, pointAtStack, type Stack } from '../../embedded/index.js';

/** What pictures are sent through: the stack that the demo started, or one that runs already. */
export interface Target {
  config: Config;
  bucket: string;
  /** Address of intake now; undefined while the role is down. */
  intake: () => string | undefined;
  /** URL of /metrics by role; empty where nothing says where roles are. */
  metrics: () => Record<string, string>;
  /** Folder of the model that detects; undefined for the one that comes with Penstock. */
  modelDir: string | undefined;
}

/** Points the environment of this process at the stack: Temporal's standard configuration is read from there. */
export function targetOfStack(stack: Stack, modelDir: string | undefined): Target {
  pointAtStack(process.env, stack.endpoints());
  return {
    config: loadConfig(process.env),
    bucket: stack.endpoints().bucket,
    intake: () => stack.endpoints().intake,
    metrics: () => stack.endpoints().metrics,
    modelDir,
  };
}

/** What the environment points at. Its roles are known by their intake alone. */
export function targetOfEnvironment(intake: string | undefined, bucket = DEFAULT_BUCKET): Target {
  const config = loadConfig(process.env);
  return {
    config,
    bucket,
    intake: () => intake,
    metrics: () => ({}),
    modelDir: config.PENSTOCK_MODEL_DIR,
  };
}
