import { spawn } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock, identify, LockedError } from '../../../src/embedded/lock.js';
import { gone, temporaryFolder } from './rig.js';

test('a lock has one owner among many who take it at once, and says who', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'up.lock');
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(path)));
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  expect(refused).toHaveLength(19);
  expect(refused.every((error) => error instanceof LockedError && error.pid === process.pid)).toBe(true);
  expect(await readdir(folder)).toEqual(['up.lock']);
});

test('a lock that was released can be taken again', async () => {
  const path = join(await temporaryFolder(), 'up.lock');
  await (await acquireLock(path)).release();
  await expect(acquireLock(path)).resolves.toBeDefined();
});

test('the lock of a process that died is taken over, by one only', async () => {
  const path = join(await temporaryFolder(), 'up.lock');
  // The pid runs, but it is a later process than the owner.
  await writeFile(path, JSON.stringify({ pid: process.pid, started: 'long ago' }));
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => acquireLock(path)));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('the lock of a process that died is free only when its reaper is done', async () => {
  const path = join(await temporaryFolder(), 'up.lock');
  const reaper = spawn('sleep', ['0.5'], { stdio: 'ignore' });
  const identity = identify(reaper.pid ?? 0);
  await writeFile(path, JSON.stringify({ pid: process.pid, started: 'long ago', reaper: identity }));
  const startedAt = performance.now();
  await acquireLock(path);
  expect(performance.now() - startedAt).toBeGreaterThan(300);
  await gone(reaper.pid ?? 0);
});

test('a lock names its reaper', async () => {
  const path = join(await temporaryFolder(), 'up.lock');
  const lock = await acquireLock(path);
  await lock.setReaper(process.pid);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    pid: process.pid,
    reaper: { pid: process.pid, started: identify(process.pid)?.started },
  });
});
