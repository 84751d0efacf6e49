import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Storage } from '@google-cloud/storage';
import { GCS_PROJECT } from '../../src/embedded/index.js';
import { cacheDir } from '../../src/embedded/cache.js';
import { openPorts } from '../../src/embedded/ports.js';
import { ensureBucket, resolveGcs } from '../../src/embedded/servers/gcs.js';
import { createLogger } from '../../src/telemetry/index.js';

/** A storage emulator that keeps its objects in memory: it takes every name that Google takes. */
export interface MemoryStorage {
  /** http://host:port */
  address: string;
  storage: Storage;
  stop: () => Promise<void>;
}

export async function startMemoryStorage(bucket: string): Promise<MemoryStorage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'penstock-storage-'));
  const found = await resolveGcs({
    dataDir,
    cache: cacheDir(process.env),
    environment: { PATH: process.env['PATH'] },
    ports: await openPorts(dataDir),
    log: createLogger('test', 'silent'),
  });
  if (found.kind !== 'start') throw new Error('the emulator is not to be started');
  const { command, args, addresses, ready } = await found.plan();
  const flags = args.map((arg) => (arg === 'filesystem' ? 'memory' : arg));
  const server = spawn(command, flags, { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    const ended = once(server, 'exit');
    if (server.kill('SIGKILL')) await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await ready(AbortSignal.timeout(20_000));
    await ensureBucket(addresses.gcs, bucket);
  } catch (error) {
    await stop();
    throw error;
  }
  const storage = new Storage({
    apiEndpoint: addresses.gcs,
    projectId: GCS_PROJECT,
    useAuthWithCustomEndpoint: false,
  });
  return { address: addresses.gcs, storage, stop };
}
