import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { roleEnvironment } from '../../src/embedded/index.js';
import { endpointsNow, eventually } from './pipeline.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A role of the program beside those of the stack, on the stack's servers. */
export interface RoleProcess {
  /** http://host:port */
  address: string;
  pid: number;
  /** What it has logged, the last 100,000 characters; nothing unless `environment` sets PENSTOCK_LOG_LEVEL. */
  logged: () => string;
  stop: () => Promise<void>;
  /** kill -9 of its child process, once it has only one. */
  killChild: () => Promise<void>;
}

export interface StartOptions {
  /** Also resolves when it listens and waits for something. Default false. */
  mayWait?: boolean;
}

/** Starts a role and waits until it is ready. `environment` goes before what points it at the stack. */
export async function startRole(
  role: string,
  environment: Record<string, string>,
  { mayWait = false }: StartOptions = {},
): Promise<RoleProcess> {
  const child = fork(PROGRAM, [role], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: ['--max-old-space-size=128', '--max-semi-space-size=16'],
    env: {
      PATH: process.env['PATH'],
      ...roleEnvironment(await endpointsNow()),
      PENSTOCK_HTTP_PORT: '0',
      PENSTOCK_LOG_LEVEL: 'fatal',
      ...environment,
    },
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-100_000)));
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.once('message', (message) => resolve((message as { port: number }).port));
      child.once('exit', (code) => reject(new Error(`${role} ended with ${code} before it listened`)));
    });
    const address = `http://127.0.0.1:${port}`;
    await eventually(
      async () => (await fetch(`${address}/readyz`)).status,
      (status) => status === 200 || mayWait,
      60_000,
    );
    return {
      ...{ address, pid: child.pid ?? 0, logged: () => output, stop },
      killChild: () => killChildOf(child.pid ?? 0),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One that works alone on suspects is not meant: its death would make a picture of its own the suspect's killer. */
async function killChildOf(pid: number): Promise<void> {
  const children = async (): Promise<string[]> =>
    (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  const [child] = await eventually(children, ({ length }) => length === 1, 60_000);
  process.kill(Number(child), 'SIGKILL');
}

/** Resident megabytes of a process and of its children, as the kernel counts them. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const own = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => residentMb(Number(child))),
  );
  return own + below.reduce((sum, mb) => sum + mb, 0);
}
