import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { identify } from '../../../src/embedded/lock.js';
import { startReaper } from '../../../src/embedded/reaper.js';
import { Supervised, type ProcessSpec } from '../../../src/embedded/supervised.js';
import { until } from '../../../src/embedded/wait.js';
import { eventually, gone, temporaryFolder } from './rig.js';

interface Rig {
  process: Supervised;
  said: string[];
  waits: number[];
  folder: string;
}

/** Supervises a shell script; it is ready when the file `ready` is there. */
async function supervise(script: string, spec: Partial<ProcessSpec> = {}): Promise<Rig> {
  const folder = await temporaryFolder();
  const reaper = startReaper(() => undefined);
  const said: string[] = [];
  const waits: number[] = [];
  const supervised = new Supervised(
    {
      name: 'thing',
      command: '/bin/sh',
      args: ['-c', script],
      environment: process.env,
      cwd: folder,
      logPath: join(folder, 'thing.log'),
      ready: (signal) => until(() => Promise.resolve(existsSync(join(folder, 'ready'))), signal),
      readyTimeoutMs: 5000,
      stopTimeoutMs: 300,
      ...spec,
    },
    reaper,
    {
      changed: () => undefined,
      died: (how, waitMs) => {
        said.push(`died ${how}`);
        waits.push(waitMs);
      },
      back: () => said.push('back'),
    },
  );
  onTestFinished(async () => {
    await supervised.stop();
    reaper.close();
  });
  return { process: supervised, said, waits, folder };
}

/** Never 0: that would be the process group of the test itself. */
function running(pid: number | undefined): number {
  if (pid === undefined) throw new Error('it does not run');
  return pid;
}

/** Runs until it is told to end. Its child is in its process group. */
const STEADY = 'sleep 60 & echo $! > child; touch ready; wait';

function childOf(folder: string): number {
  return Number(readFileSync(join(folder, 'child'), 'utf8'));
}

test('a process that is killed comes back, is told of, and takes its own children with it', async () => {
  const { process: thing, said, folder } = await supervise(STEADY);
  await thing.start();
  const { pid } = thing;
  const child = childOf(folder);
  process.kill(running(pid), 'SIGKILL');
  await eventually('it is back', () => said.includes('back'));
  expect(said).toEqual(['died SIGKILL', 'back']);
  expect(thing.pid).not.toBe(pid);
  await gone(child);
});

test('a process that keeps dying is started after waits that double', async () => {
  const { process: thing, waits } = await supervise('touch ready; sleep 0.2; exit 3');
  await thing.start();
  await eventually('it died three times', () => waits.length >= 3);
  expect(waits.slice(0, 3)).toEqual([250, 500, 1000]);
});

test('a process that was stopped does not come back, and can be started again', async () => {
  const { process: thing, said } = await supervise(STEADY);
  await thing.start();
  await thing.stop();
  expect(thing.pid).toBeUndefined();
  await thing.start();
  expect(thing.pid).toBeDefined();
  expect(said).toEqual([]);
});

test('a process that ignores SIGTERM is killed after its time, with its children', async () => {
  const { process: thing, folder } = await supervise(`trap '' TERM; ${STEADY}; wait; sleep 60`);
  await thing.start();
  const { pid } = thing;
  const startedAt = performance.now();
  await thing.stop();
  expect(performance.now() - startedAt).toBeGreaterThan(250);
  await gone(running(pid));
  await gone(childOf(folder));
});

test('one that ends before it is ready gives a sentence with its last words, and is not tried again', async () => {
  const { process: thing, said } = await supervise('echo no such disk >&2; exit 7');
  await expect(thing.start()).rejects.toThrow(/thing ended before it was ready \(exit code 7\).*no such disk/s);
  expect(said).toEqual([]);
  expect(thing.pid).toBeUndefined();
});

test('one that is not ready in time gives a sentence and is ended', async () => {
  const { process: thing } = await supervise('sleep 60', { readyTimeoutMs: 200 });
  await expect(thing.start()).rejects.toThrow(/was not ready within 0.2 s/);
  expect(thing.pid).toBeUndefined();
});

test('a role is ready when it says where it listens', async () => {
  const script = "process.send({ kind: 'listening', port: 4711 }); process.once('disconnect', () => process.exit())";
  const { process: thing } = await supervise('', {
    command: process.execPath,
    args: ['-e', script],
    ready: 'listening',
  });
  await thing.start();
  expect(thing.port).toBe(4711);
});

test('what is still listed when the pipe of the reaper ends is ended: TERM first, KILL for what does not listen', async () => {
  const reaper = startReaper(() => undefined, 300);
  const group = (script: string): number => {
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
    return running(child.pid);
  };
  const folder = await temporaryFolder();
  const willing = group(`trap 'touch ${folder}/told; exit' TERM; touch ${folder}/waits; while :; do sleep 0.02; done`);
  await eventually('it waits for TERM', () => existsSync(join(folder, 'waits')));
  const deaf = group("trap '' TERM; while :; do sleep 60; done");
  const released = group('sleep 60');
  onTestFinished(() => void process.kill(-released, 'SIGKILL'));
  for (const pid of [willing, deaf, released]) reaper.add(pid);
  reaper.remove(released);
  reaper.close();
  await gone(willing);
  expect(existsSync(join(folder, 'told'))).toBe(true);
  await gone(deaf);
  await gone(running(reaper.pid()));
  expect(identify(released)).toBeDefined();
});

test('a reaper that is killed is replaced, and the new one knows what is listed', async () => {
  const replaced: number[] = [];
  const reaper = startReaper((pid) => replaced.push(pid), 300);
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  reaper.add(running(child.pid));
  process.kill(running(reaper.pid()), 'SIGKILL');
  await eventually('it is replaced', () => replaced.length > 0);
  reaper.close();
  await gone(running(child.pid));
});
