import { setTimeout as sleep } from 'node:timers/promises';
import { endpointsNow, eventually } from './pipeline.js';

export type Server = 'kafka' | 'temporal' | 'clickhouse' | 'gcs';
export const SERVERS: readonly Server[] = ['kafka', 'temporal', 'clickhouse', 'gcs'];

const FIND_EVERY_MS = 10;

/**
 * Takes a server of the stack away and returns what brings it back. `hung`: it takes connections and says nothing.
 * `killed`: it dies, and the one that its supervisor starts is stopped before it serves, so that connections are refused.
 */
export async function takeAway(server: Server, how: 'hung' | 'killed'): Promise<() => void> {
  let pid = await pidOf(server);
  if (how === 'killed') {
    const died = pid;
    process.kill(-pid, 'SIGKILL');
    const deadline = performance.now() + 60_000;
    while (pid === died) {
      if (performance.now() > deadline) throw new Error(`${server} was not started again`);
      await sleep(FIND_EVERY_MS);
      pid = (await endpointsNow()).pids[server] ?? died;
    }
  }
  const group = -pid;
  process.kill(group, 'SIGSTOP');
  return () => process.kill(group, 'SIGCONT');
}

/** Kills a role or a server; resolves when its supervisor has started it again. */
export async function kill(name: string): Promise<void> {
  const pid = await pidOf(name);
  process.kill(-pid, 'SIGKILL');
  await eventually(
    async () => (await endpointsNow()).pids[name],
    (now) => now !== undefined && now !== pid,
    60_000,
  );
}

async function pidOf(name: string): Promise<number> {
  const pid = await eventually(
    async () => (await endpointsNow()).pids[name],
    (found) => found !== undefined,
    60_000,
  );
  return pid ?? 0;
}

/** What a role says that it waits for: name to sentence; empty when it is ready. */
export async function waitsOf(address: string): Promise<Record<string, string>> {
  const response = await fetch(new URL('/readyz', address), { signal: AbortSignal.timeout(5_000) });
  const { waits = {} } = (await response.json()) as { waits?: Record<string, string> };
  return waits;
}
