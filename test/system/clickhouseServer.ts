import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../dist/embedded/clickhouse/server.js', import.meta.url));

/** An embedded ClickHouse of a test's own, beside the stack: such a test may kill it, or fill it, as it likes. */
export interface ClickHouseServer {
  url: string;
  pid: number;
  /** Sends the signal, waits for the end and gives the exit code; null after a signal that killed. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startClickHouse(
  path: string,
  options: { environment?: NodeJS.ProcessEnv; port?: number } = {},
): Promise<ClickHouseServer> {
  const child = spawn(process.execPath, [SERVER, '--path', path, '--port', String(options.port ?? 0)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '4', ...options.environment },
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { port: number };
    return { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop: (signal) => stop(child, signal ?? 'SIGTERM') };
  }
  throw new Error('the server ended before it listened');
}

/** A folder that is gone after `use`. */
export async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-clickhouse-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}
