import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { endpointsNow, eventually } from './pipeline.js';

/**
 * SIGTERM to a role of the stack; holds that it drained and left by itself, and resolves when the supervisor has brought
 * it back, ready.
 */
export async function restartRole(role: string): Promise<void> {
  const pid = (await endpointsNow()).pids[role];
  if (pid === undefined) throw new Error(`${role} does not run`);
  process.kill(pid, 'SIGTERM');
  const { metrics } = await eventually(
    endpointsNow,
    ({ pids, metrics }) => pids[role] !== undefined && pids[role] !== pid && metrics[role] !== undefined,
    60_000,
  );
  expect((await wordsOf(role, pid)).at(-1), role).toBe('stopped');
  await eventually(
    async () => (await fetch(new URL('/readyz', metrics[role]))).status,
    (status) => status === 200,
    60_000,
  );
}

/** SIGKILL to a role or a server of the stack; resolves when the supervisor has brought it back under another pid. */
export async function killProcess(name: string): Promise<void> {
  const pid = (await endpointsNow()).pids[name];
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, 'SIGKILL');
  await eventually(
    async () => (await endpointsNow()).pids[name],
    (now) => now !== undefined && now !== pid,
    60_000,
  );
}

/** What a process of a role has logged, in order. */
async function wordsOf(role: string, pid: number): Promise<string[]> {
  const log = await readFile(join(inject('dataDir'), 'logs', `${role}.log`), 'utf8');
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { pid: number; msg: string })
    .filter((line) => line.pid === pid)
    .map(({ msg }) => msg);
}
