import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StackError } from './errors.js';
import { identify } from './lock.js';

/** Where everything of a running stack is: the content of `endpoints.json` in its data directory. */
export const endpointsSchema = z.object({
  /** Events are posted here. Absent while the role is down, or when only servers run. */
  intake: z.url().optional(),
  console: z.url().optional(),
  /** host:port */
  temporal: z.string(),
  temporalUi: z.url().optional(),
  /** host:port, several separated by commas */
  kafka: z.string(),
  gcs: z.url(),
  clickhouse: z.url(),
  /** The bucket that was made at the start. */
  bucket: z.string(),
  /** URL of /metrics by role. */
  metrics: z.record(z.string(), z.url()),
  /** By role and by server; a server that this stack did not start has none. */
  pids: z.record(z.string(), z.int()),
  /** Pid of `penstock up` itself. */
  supervisor: z.int(),
});
export type Endpoints = z.infer<typeof endpointsSchema>;

export function endpointsPath(dataDir: string): string {
  return join(dataDir, 'endpoints.json');
}

/** Throws `StackError` when no stack runs on the data directory. */
export async function readEndpoints(dataDir: string): Promise<Endpoints> {
  const text = await readFile(endpointsPath(dataDir), 'utf8').catch(() => undefined);
  const endpoints = text === undefined ? undefined : endpointsSchema.parse(JSON.parse(text));
  if (endpoints && identify(endpoints.supervisor)) return endpoints;
  throw new StackError(`No stack runs on ${dataDir}. Start one with: penstock up --data-dir ${dataDir}`);
}

/** Project that the buckets of the stack belong to. */
export const GCS_PROJECT = 'penstock';
/** Bucket that the stack makes. */
export const DEFAULT_BUCKET = 'uploads';
