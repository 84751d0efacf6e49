import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { ORCHESTRATION_QUEUE } from '../../src/domain/index.js';
import { cacheDir } from '../../src/embedded/cache.js';
import { openPorts } from '../../src/embedded/ports.js';
import { resolveTemporal } from '../../src/embedded/servers/temporal.js';
import { createLogger } from '../../src/telemetry/index.js';

/** A server of its own that suggests to continue as new after a handful of events: the usual bound is thousands. */
const SUGGEST_AFTER_EVENTS = 12;

export interface OwnTemporal {
  address: string;
  client: Client;
  /** Of the server; gone when it stops. */
  dataDir: string;
  stop: () => Promise<void>;
}

/** Starts the server and, on it, a worker with Penstock's workflows and these activities. */
export async function startOwnTemporal(
  activitiesOf: (client: Client) => NonNullable<WorkerOptions['activities']>,
): Promise<OwnTemporal> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const dataDir = await mkdtemp(join(tmpdir(), 'penstock-continue-'));
  const resolved = await resolveTemporal({
    dataDir,
    cache: cacheDir(process.env),
    environment: { ...process.env, PENSTOCK_STACK_TEMPORAL: '' },
    ports: await openPorts(dataDir),
    log: createLogger('test', 'silent'),
  });
  if (resolved.kind !== 'start') throw new Error('a server of its own was expected');
  const plan = await resolved.plan();
  const address = plan.addresses.temporal;
  const limit = `limit.historyCount.suggestContinueAsNew=${SUGGEST_AFTER_EVENTS}`;
  const server = spawn(plan.command, [...plan.args, '--dynamic-config-value', limit], { stdio: 'ignore' });
  await plan.ready(AbortSignal.timeout(60_000));
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const native = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: ORCHESTRATION_QUEUE,
    workflowBundle: { codePath: fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)) },
    activities: activitiesOf(client),
  });
  const end = worker.run();
  return {
    ...{ address, client, dataDir },
    stop: async () => {
      worker.shutdown();
      await end;
      await native.close();
      await connection.close();
      server.kill('SIGTERM');
      if (server.exitCode === null) await once(server, 'exit');
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
