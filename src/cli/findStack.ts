import { loadConfig, type Config } from '../config/index.js';
import { pointAtStack, readEndpoints, StackError, type Endpoints } from '../embedded/index.js';
import { UsageError } from './verb.js';

/**
 * The stack that a verb talks to: the one on a data directory, else what the environment points at. Points this process
 * at it, Temporal's standard configuration included: it reads the environment itself. Throws UsageError where no stack
 * runs on the folder.
 */
export async function findStack(
  dataDir: string | undefined,
): Promise<{ config: Config; endpoints: Endpoints | undefined }> {
  const endpoints = dataDir === undefined ? undefined : await endpointsOf(dataDir);
  if (endpoints) pointAtStack(process.env, endpoints);
  return { config: loadConfig(process.env), endpoints };
}

async function endpointsOf(dataDir: string): Promise<Endpoints> {
  try {
    return await readEndpoints(dataDir);
  } catch (error) {
    if (error instanceof StackError) throw new UsageError(error.message);
    throw error;
  }
}
