import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../../src/embedded/cache.js';
import { openPorts } from '../../src/embedded/ports.js';
import { resolveKafka } from '../../src/embedded/servers/kafka.js';
import { createLogger } from '../../src/telemetry/index.js';

/** A broker of a test's own, beside the stack: such a test may have it delete what it likes. */
export interface KafkaServer {
  /** host:port */
  address: string;
  /** Ends it with its folder. */
  stop(): Promise<void>;
}

/** Starts the stack's broker once more, with further lines of configuration, and waits until it answers. */
export async function startKafka(properties: string): Promise<KafkaServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'penstock-kafka-'));
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const resolved = await resolveKafka({
      dataDir,
      cache: cacheDir(process.env),
      environment: { PATH: process.env['PATH'] },
      ports: await openPorts(dataDir),
      log: createLogger('kafka', 'silent'),
    });
    if (resolved.kind === 'elsewhere') throw new Error('a broker that runs elsewhere is nobody’s own');
    const plan = await resolved.plan();
    await appendFile(join(dataDir, 'kafka', 'server.properties'), properties);
    const child = spawn(plan.command, plan.args, { stdio: 'ignore', env: { ...process.env, ...plan.environment } });
    const stop = async (): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await remove();
    };
    await plan.ready(AbortSignal.timeout(60_000)).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    return { address: plan.addresses.kafka, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
