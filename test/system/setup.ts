import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { readEndpoints, startStack, type Endpoints } from '../../src/embedded/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { AUDITED_BUCKET } from './auditedBucket.js';
import { EARLIEST_ZONE } from './zones.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the stack of all system tests is. Pids change when something is killed: read them with `readEndpoints`. */
    endpoints: Endpoints;
    dataDir: string;
  }
}

/** What happens every few minutes in production happens every second or two here. */
const ENVIRONMENT = {
  PENSTOCK_ROLLUP_INTERVAL_MS: '2000',
  PENSTOCK_HOUSEKEEP_INTERVAL_MS: '3000',
  PENSTOCK_SHUTDOWN_MS: '15000',
  PENSTOCK_BREAKER_PROBE_MS: '2000',
  PENSTOCK_LEASE_MS: '9000',
  // A bucket of its own; its schedule runs once an hour, which disturbs nobody.
  PENSTOCK_AUDIT_BUCKETS: AUDITED_BUCKET,
  PENSTOCK_AUDIT_GRACE_MS: '1000',
  PENSTOCK_BUDGET_TIME_ZONE: EARLIEST_ZONE,
  // APIs of tests are on this machine.
  PENSTOCK_INGEST_ALLOW_PRIVATE: '127.0.0.1',
};

/**
 * Starts the one stack of all system tests, and stops it after the last. With TEST_STACK_DATA_DIR the tests use the
 * stack that runs on that data directory instead, which saves its start while a test is written.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env['TEST_STACK_DATA_DIR'];
  if (running) {
    project.provide('endpoints', await readEndpoints(running));
    project.provide('dataDir', running);
    return () => Promise.resolve();
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'penstock-system-'));
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const stack = await startStack({
      dataDir,
      environment: { ...ENVIRONMENT, PENSTOCK_SECRETS_DIR: join(dataDir, 'secrets') },
      log: createLogger('up', 'warn'),
      say: (sentence) => console.error(sentence),
    });
    project.provide('endpoints', stack.endpoints());
    project.provide('dataDir', dataDir);
    return async () => {
      await stack.stop();
      await remove();
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
